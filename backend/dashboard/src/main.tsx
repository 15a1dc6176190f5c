// The page starts here: reads where the API is, makes what everything shares, draws.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { dataOf, makeApi } from "./api/client";
import { Login } from "./api/login";
import { asProblem } from "./api/problem";
import { App } from "./app";
import { liveUrl, loadConfig } from "./config";
import { forgetBetweenUsers } from "./forget";
import { Connection, openSocket } from "./live/connection";
import { Picture } from "./live/picture";
import { reloadOnce } from "./reloadOnce";
import { type Services, ServicesContext } from "./services";
import { applyTheme, chosenTheme } from "./theme";
import { StartFailure } from "./ui/StartFailure";
import "./styles/tokens.css";
import "./styles/base.css";

async function makeServices(): Promise<Services> {
  const config = await loadConfig();
  const login = new Login(config);
  const api = makeApi(login);
  const picture = new Picture();
  const connection = new Connection(picture, {
    ticket: () => dataOf(api.POST("/api/v1/live/tickets")),
    onLoginChanged: () => {
      // The account is read again, which draws the page anew where it changed; or there is no login any more.
      // When the server cannot be reached the connection waits and tries again.
      login
        .renew()
        .then(
          (token) =>
            token === null ? undefined : login.reload().then(connection.connect, connection.connect),
          connection.connect,
        );
    },
    open: (ticket) => openSocket(liveUrl(config), ticket),
    random: Math.random,
  });
  forgetBetweenUsers(login, queries, connection);
  return { config, login, api, picture, connection };
}

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failureCount, error) => failureCount < 2 && asProblem(error).isPassing,
      retryDelay: (failureCount, error) =>
        Math.min((asProblem(error).retryAfterS ?? 2 ** failureCount) * 1000, 10_000),
      refetchOnWindowFocus: true,
      staleTime: 10_000,
    },
  },
});

// Views are loaded when they are first visited. After an upgrade of the server an open page asks for files that are
// not there any more: it starts anew, at the same address.
window.addEventListener("vite:preloadError", () =>
  reloadOnce(sessionStorage, () => window.location.reload()),
);

applyTheme(chosenTheme());
const rootElement = document.getElementById("root");
if (rootElement === null) throw new Error("index.html has no #root");
const root = createRoot(rootElement);

function start(): void {
  makeServices()
    .then((services) =>
      root.render(
        <StrictMode>
          <QueryClientProvider client={queries}>
            <ServicesContext value={services}>
              <App />
            </ServicesContext>
          </QueryClientProvider>
        </StrictMode>,
      ),
    )
    .catch((error: unknown) => root.render(<StartFailure problem={asProblem(error)} onRetry={start} />));
}

start();
