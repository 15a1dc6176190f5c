// How the other pages lead on to the login: with a word about what has been done.
import { useLocation } from "wouter";

/** Travels as the state of the browser's history: no address holds it. */
export interface Arrival {
  note?: string;
  username?: string;
}

/** Goes to the login and says there why. */
export function useArrival(): (arrival: Arrival) => void {
  const [, navigate] = useLocation();
  return (arrival) => navigate("/", { replace: true, state: arrival });
}
