"""MQTT topic names and filters: what is well formed, and which filter matches which name."""


def is_topic_name(name: str) -> bool:
    """Whether a message may be published under this name."""
    return bool(name) and "\0" not in name and "+" not in name and "#" not in name


def is_topic_filter(topic_filter: str) -> bool:
    """Whether this may be subscribed to: `+` and `#` stand for whole levels, `#` only at the end."""
    if not topic_filter or "\0" in topic_filter:
        return False
    levels = topic_filter.split("/")
    return all(level in ("+", "#") or ("+" not in level and "#" not in level) for level in levels) and (
        "#" not in levels[:-1]
    )


def matches(topic_filter: str, name: str) -> bool:
    """Whether a filter covers a name. A wildcard at the start never covers names that begin with `$`."""
    if topic_filter == name:
        return True
    wanted, given = topic_filter.split("/"), name.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for position, level in enumerate(wanted):
        if level == "#":
            return True  # also covers the level above: `a/#` matches `a`
        if position >= len(given) or level not in ("+", given[position]):
            return False
    return len(wanted) == len(given)
