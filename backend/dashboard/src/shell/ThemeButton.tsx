// Light, dark, or as the system says: one button that goes through the three.
import { useState } from "react";
import { chooseTheme, chosenTheme, type Theme } from "../theme";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const TITLES: Record<Theme, string> = {
  system: "Colours: as the system",
  light: "Colours: light",
  dark: "Colours: dark",
};

export function ThemeButton() {
  const [theme, setTheme] = useState(chosenTheme);
  const change = () => {
    chooseTheme(NEXT[theme]);
    setTheme(NEXT[theme]);
  };
  return (
    <Button kind="quiet" isSmall onClick={change} title={TITLES[theme]} aria-label={TITLES[theme]}>
      <Icon name={theme === "system" ? "contrast" : theme === "light" ? "sun" : "moon"} />
    </Button>
  );
}
