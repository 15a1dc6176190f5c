// Who is at the page decides what it shows: a public view, the login, or the views of whoever is logged in.
import { Suspense, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Route, Switch, useLocation } from "wouter";
import { asProblem, type Problem } from "./api/problem";
import { PUBLIC_ROUTES } from "./routes";
import { useLoginState, useServices } from "./services";
import { Shell } from "./shell/Shell";
import { ErrorBoundary } from "./ui/ErrorBoundary";
import { StartFailure } from "./ui/StartFailure";
import { Loading } from "./ui/States";
import { Toasts } from "./ui/Toasts";
import { LoginAgain } from "./views/login/LoginAgain";
import { LoginPage } from "./views/login/LoginPage";

export function App() {
  return (
    <ErrorBoundary>
      <Toasts>
        <Suspense fallback={<Loading />}>
          <Switch>
            {PUBLIC_ROUTES.map(({ path, view: View }) => (
              <Route key={path} path={path}>
                {(params) => <View params={params} />}
              </Route>
            ))}
            <Route>
              <Gate />
            </Route>
          </Switch>
        </Suspense>
      </Toasts>
    </ErrorBoundary>
  );
}

/** The login in front, or the page. A login that ends leaves the page where it is, behind a dialog. */
function Gate() {
  const { login, connection } = useServices();
  const state = useLoginState();
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState<Problem | null>(null);
  const userId = "me" in state ? state.me.user.id : null;

  const start = () => {
    setProblem(null);
    login.start().catch((error: unknown) => setProblem(asProblem(error)));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    if (login.state.status === "starting") start();
  }, []);
  const placeOf = useRef(userId);
  useLayoutEffect(() => {
    // The place, with its filters, is that of whoever was here: the next one begins at the start.
    if (placeOf.current !== null && placeOf.current !== userId) navigate("/", { replace: true });
    placeOf.current = userId;
  }, [userId, navigate]);
  useEffect(() => {
    if (state.status === "in") connection.connect();
    else connection.close();
  }, [state.status, connection]);

  if (problem !== null) return <StartFailure problem={problem} onRetry={start} />;
  if (state.status === "starting") return <Loading label="Starting" />;
  if (state.status === "out") return <LoginPage />;
  return (
    <>
      <Shell key={userId} />
      {state.status === "ended" && <LoginAgain me={state.me} />}
    </>
  );
}
