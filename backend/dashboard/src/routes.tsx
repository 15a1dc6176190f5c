// Every view: its address, who may see it, where the menu names it. The one table of them.
import { type ComponentType, type LazyExoticComponent, lazy } from "react";

export interface ViewProps {
  /** What the address says in the places of its parameters. */
  params: Record<string, string | undefined>;
}

type View = LazyExoticComponent<ComponentType<ViewProps>>;

export interface Route {
  path: string;
  view: View;
  /** One of these permissions is enough. */
  needs: readonly string[];
  /** In the menu; views without are reached from others. */
  menu?: {
    title: string;
    icon: string;
    group: "watch" | "account" | "admin";
    hiddenFrom?: readonly string[];
  };
}

export const ROUTES: readonly Route[] = [
  {
    path: "/",
    view: lazy(() => import("./views/overview/Overview")),
    needs: ["evse:read"],
    menu: { title: "Overview", icon: "grid", group: "watch" },
  },
  {
    path: "/stations/:evse_uid",
    view: lazy(() => import("./views/station/Station")),
    needs: ["evse:read"],
  },
  {
    path: "/my",
    view: lazy(() => import("./views/driver/MyCharging")),
    needs: ["session:read_own"],
    menu: { title: "My charging", icon: "bolt", group: "watch" },
  },
  {
    path: "/sessions",
    view: lazy(() => import("./views/sessions/Sessions")),
    needs: ["session:read"],
    menu: { title: "Sessions", icon: "list", group: "watch" },
  },
  {
    path: "/sessions/:session_id",
    view: lazy(() => import("./views/sessions/SessionDetail")),
    needs: ["session:read", "session:read_own"],
  },
  {
    path: "/energy",
    view: lazy(() => import("./views/energy/EnergyAndMoney")),
    needs: ["stats:read"],
    menu: { title: "Energy & money", icon: "chart", group: "watch" },
  },
  {
    path: "/alerts",
    view: lazy(() => import("./views/alerts/Alerts")),
    needs: ["alert:read"],
    menu: { title: "Alerts", icon: "bell", group: "watch" },
  },
  {
    path: "/free",
    view: lazy(() => import("./views/status/FreeStations")),
    needs: ["status:read"],
    menu: { title: "Free stations", icon: "pin", group: "watch" },
  },
  {
    path: "/admin/stations",
    view: lazy(() => import("./views/admin/Stations")),
    needs: ["evse:read"],
    menu: { title: "Stations", icon: "plug", group: "admin" },
  },
  {
    path: "/admin/sites",
    view: lazy(() => import("./views/admin/Sites")),
    needs: ["site:read"],
    menu: { title: "Sites", icon: "pin", group: "admin" },
  },
  {
    path: "/admin/tariffs",
    view: lazy(() => import("./views/admin/Tariffs")),
    needs: ["tariff:read"],
    menu: { title: "Tariffs", icon: "coin", group: "admin", hiddenFrom: ["user"] },
  },
  {
    path: "/admin/users",
    view: lazy(() => import("./views/admin/Users")),
    needs: ["user:read"],
    menu: { title: "Users", icon: "people", group: "admin" },
  },
  {
    path: "/admin/roles",
    view: lazy(() => import("./views/admin/Roles")),
    needs: ["role:read"],
    menu: { title: "Roles", icon: "key", group: "admin" },
  },
  {
    path: "/admin/api-keys",
    view: lazy(() => import("./views/admin/ApiKeys")),
    needs: ["api_key:read"],
    menu: { title: "API keys", icon: "key", group: "admin" },
  },
  {
    path: "/admin/imports",
    view: lazy(() => import("./views/admin/Imports")),
    needs: ["import:read"],
    menu: { title: "Imports", icon: "upload", group: "admin" },
  },
  {
    path: "/admin/rejected",
    view: lazy(() => import("./views/admin/Rejected")),
    needs: ["rejected_message:read"],
    menu: { title: "Rejected messages", icon: "warning", group: "admin" },
  },
  {
    path: "/admin/audit",
    view: lazy(() => import("./views/admin/Audit")),
    needs: ["audit:read"],
    menu: { title: "Audit log", icon: "scroll", group: "admin" },
  },
  {
    path: "/account",
    view: lazy(() => import("./views/account/Account")),
    needs: ["account:read_own"],
    menu: { title: "Account", icon: "person", group: "account" },
  },
];

/** Views for who is not logged in. */
export const PUBLIC_ROUTES: readonly { path: string; view: View }[] = [
  { path: "/status", view: lazy(() => import("./views/status/PublicStatus")) },
  { path: "/register", view: lazy(() => import("./views/login/Register")) },
  { path: "/accept-invitation", view: lazy(() => import("./views/login/AcceptInvitation")) },
  { path: "/forgot-password", view: lazy(() => import("./views/login/ForgotPassword")) },
  { path: "/reset-password", view: lazy(() => import("./views/login/ResetPassword")) },
];

export function maySee(route: Route, permissions: readonly string[]): boolean {
  return route.needs.some((permission) => permissions.includes(permission));
}

/** Where somebody begins: the first view of the menu that they may see. */
export function homeOf(permissions: readonly string[]): string {
  return ROUTES.find((route) => route.menu !== undefined && maySee(route, permissions))?.path ?? "/account";
}
