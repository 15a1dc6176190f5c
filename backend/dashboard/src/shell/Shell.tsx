// The frame around every view: the menu, the state of the connection, who is logged in.
import { Suspense, useEffect, useRef, useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { useLiveAlerts } from "../live/hooks";
import { homeOf, maySee, ROUTES, type Route as RouteEntry } from "../routes";
import { useMe } from "../services";
import { Button } from "../ui/Button";
import { ErrorBoundary } from "../ui/ErrorBoundary";
import { Icon } from "../ui/Icon";
import { Page } from "../ui/Page";
import { Empty, Loading } from "../ui/States";
import { AccountMenu } from "./AccountMenu";
import { AlertWatch } from "./AlertWatch";
import { ConnectionMark } from "./ConnectionMark";
import styles from "./Shell.module.css";
import { StaleBanner } from "./StaleBanner";

export function Shell() {
  const { permissions } = useMe();
  const [location, navigate] = useLocation();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const visible = ROUTES.filter((route) => maySee(route, permissions));
  const home = homeOf(permissions);

  useEffect(() => {
    if (location === "/" && home !== "/") navigate(home, { replace: true });
  }, [location, home, navigate]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address is what it is about
  useEffect(() => {
    setMenuOpen(false);
    if (!isFirst.current) main.current?.focus(); // a screen reader goes on in the new view
    isFirst.current = false;
  }, [location]);

  return (
    <div className={styles["shell"]}>
      <a href="#main" className={styles["skip"]}>
        Skip to content
      </a>
      <header className={styles["bar"]}>
        <Button
          kind="quiet"
          className={styles["menuButton"] ?? ""}
          aria-expanded={isMenuOpen}
          aria-controls="menu"
          aria-label="Menu"
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          <Icon name="menu" />
        </Button>
        <Link href={home} className={styles["brand"]} aria-label="SolarRally">
          <img src="/favicon.svg" alt="" width="26" height="26" />
          <span>SolarRally</span>
        </Link>
        <div className={styles["barEnd"]}>
          <ConnectionMark />
          <AccountMenu />
        </div>
      </header>
      <nav id="menu" aria-label="Views" className={`${styles["menu"]} ${isMenuOpen ? styles["open"] : ""}`}>
        <MenuGroup routes={visible} group="watch" location={location} />
        <MenuGroup routes={visible} group="admin" title="Administration" location={location} />
        <MenuGroup routes={visible} group="account" location={location} />
      </nav>
      <main id="main" ref={main} tabIndex={-1} className={styles["main"]}>
        <StaleBanner />
        <AlertWatch />
        <ErrorBoundary resetKey={location}>
          <Suspense
            fallback={
              <Page title="Loading">
                <Loading />
              </Page>
            }
          >
            <Switch>
              {visible.map(({ path, view: View }) => (
                <Route key={path} path={path}>
                  {(params) => <View params={params} key={JSON.stringify(params)} />}
                </Route>
              ))}
              <Route>
                <NotHere />
              </Route>
            </Switch>
          </Suspense>
        </ErrorBoundary>
      </main>
    </div>
  );
}

function MenuGroup({
  routes,
  group,
  title,
  location,
}: {
  routes: readonly RouteEntry[];
  group: string;
  title?: string;
  location: string;
}) {
  const { user } = useMe();
  const shown = routes.filter(({ menu }) => menu?.group === group && !menu.hiddenFrom?.includes(user.role));
  if (shown.length === 0) return null;
  return (
    <div>
      {title && <p className={styles["group"]}>{title}</p>}
      <ul>
        {shown.map(({ path, menu }) => (
          <li key={path}>
            <Link href={path} aria-current={isAt(path, location) ? "page" : undefined}>
              <Icon name={menu?.icon ?? ""} />
              <span>{menu?.title}</span>
              {path === "/alerts" && <AlertCount />}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A session belongs to the sessions, a station to the overview. */
function isAt(path: string, location: string): boolean {
  if (path === "/") return location === "/" || location.startsWith("/stations/");
  return location === path || location.startsWith(`${path}/`);
}

function AlertCount() {
  const alerts = useLiveAlerts();
  const open = [...alerts.values()].filter((alert) => alert.status === "open").length;
  if (open === 0) return null;
  return (
    <span className={styles["count"]}>
      {open}
      <span className="visually-hidden"> open</span>
    </span>
  );
}

function NotHere() {
  return (
    <Page title="Nothing here">
      <Empty title="There is no such page, or your role may not see it.">
        <Link href="/">To the start</Link>
      </Empty>
    </Page>
  );
}
