// What everything on the page shares, made once in main.tsx and handed down by context.
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Api } from "./api/client";
import type { Login, LoginState } from "./api/login";
import type { Me } from "./api/types";
import type { Config } from "./config";
import type { Connection } from "./live/connection";
import type { Picture } from "./live/picture";

export interface Services {
  config: Config;
  login: Login;
  api: Api;
  picture: Picture;
  connection: Connection;
}

export const ServicesContext = createContext<Services | null>(null);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === null) throw new Error("ServicesContext is missing above");
  return services;
}

export function useApi(): Api {
  return useServices().api;
}

export function useLoginState(): LoginState {
  const { login } = useServices();
  return useSyncExternalStore(login.subscribe, () => login.state);
}

/** The account of whoever is logged in. Only below the gate that shows the login otherwise. */
export function useMe(): Me {
  const state = useLoginState();
  if (!("me" in state)) throw new Error("nobody is logged in");
  return state.me;
}

/** Asks whether the account may do something: `may("evse:control")`. */
export function useMay(): (permission: string) => boolean {
  const { permissions } = useMe();
  return (permission) => permissions.includes(permission);
}
