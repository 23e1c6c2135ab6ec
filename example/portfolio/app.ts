import "reflect-metadata";
import { createServer } from "node:http";
import { join } from "node:path";
import express, { type ErrorRequestHandler, type Express } from "express";
import { csrfToken, type Logger, type StompMessaging, stompMessaging } from "express-stomp";
import { asyncApiPage } from "express-stomp/asyncapi";
import { inspector } from "express-stomp/inspector";
import { Container } from "inversify";
import { clientLibraries } from "../shared/client-libraries.js";
import { closeServer, listen } from "../shared/http-server.js";
import { keptSecret } from "../shared/kept-secret.js";
import { LoginInterceptor } from "../shared/login-interceptor.js";
import { loginSessions } from "../shared/login-sessions.js";
import { membersOnly, membersOnlyHandshake } from "../shared/members-only.js";
import { PasswordLogin } from "../shared/password-login.js";
import { securityHeaders } from "../shared/security-headers.js";
import { shareLogoutsOver } from "../shared/share-logouts-over.js";
import { trustProxy } from "../shared/trust-proxy.js";
import { AccountRepository } from "./account-repository.js";
import { portfolioApi } from "./asyncapi.js";
import { brokerAt } from "./broker.js";
import { openDatabase, PortfolioDatabase } from "./database.js";
import { isStaff } from "./demo-accounts.js";
import { checkToken, loginPages } from "./login-pages.js";
import { PortfolioController } from "./portfolio-controller.js";
import { portfolioSecurity } from "./portfolio-security.js";
import { QuoteRepository } from "./quote-repository.js";
import { QuoteService } from "./quote-service.js";
import { repeat } from "./repeat.js";
import { shareLogouts } from "./share-logouts.js";
import { texts } from "./texts.js";
import { TradeRepository } from "./trade-repository.js";
import { TradeService } from "./trade-service.js";

/** Views and public files stay with the sources; what runs is compiled to build/example/portfolio. */
const HERE = join(import.meta.dirname, "../../../example/portfolio");
const SHARED = join(HERE, "../shared");
const COOKIE_NAME = "portfolio.sid";

export interface PortfolioOptions {
  /** `postgres://…`, or the path of an embedded database file, made if missing. Several servers share one. */
  readonly databaseUrl: string;
  /** `stomp://login:passcode@host:port` or `redis://host:port`, which several servers share. @default none: one server */
  readonly brokerUrl?: string | undefined;
  /** The proxies in front, as `TRUST_PROXY` has them. @default "loopback": the balancer is on this machine */
  readonly proxies?: string | undefined;
  /** Shown on the page when there are several servers. @default "" */
  readonly serverName?: string | undefined;
  /** Milliseconds from a trade's coming to its execution. @default 1500 */
  readonly tradeDelayMs?: number;
  /** Milliseconds between quotes. @default 2000 */
  readonly quoteIntervalMs?: number;
  /** @default warnings and errors to the console */
  readonly logger?: Logger;
}

export interface PortfolioServer {
  readonly app: Express;
  readonly messaging: StompMessaging;
  /** Starts the server, and gives the port it listens on. */
  listen(port: number, host?: string): Promise<number>;
  /** Sends everyone away and closes the database. */
  close(): Promise<void>;
}

/** Makes one server of the stock portfolio: its database, its pages, its messaging, its clockwork. */
export async function createPortfolio({
  databaseUrl,
  brokerUrl,
  proxies = "loopback",
  serverName = "",
  tradeDelayMs = 1500,
  quoteIntervalMs = 2000,
  logger,
}: PortfolioOptions): Promise<PortfolioServer> {
  const log = logger ?? console;
  const database = await openDatabase(databaseUrl);

  const container = new Container({ defaultScope: "Singleton" });
  container.bind(PortfolioDatabase).toConstantValue(database);
  container.bind("tradeDelayMs").toConstantValue(tradeDelayMs);
  container.bind("serverName").toConstantValue(serverName);
  for (const service of [AccountRepository, QuoteRepository, TradeRepository, TradeService]) {
    container.bind<object>(service).toSelf();
  }

  const logins = new LoginInterceptor((login) => sessions.has(login));
  const csrf = csrfToken();
  const { broker, kind, logouts } = brokerAt(brokerUrl, await keptSecret(database, "servers' secret"));
  const messaging = stompMessaging({
    endpoints: [{ path: "/portfolio", sockJS: true }],
    applicationDestinationPrefixes: ["/app"],
    broker,
    clientInboundChannel: { interceptors: [csrf, logins] },
    security: portfolioSecurity(kind),
    controllers: [PortfolioController],
    container,
    ...(logger && { logger }),
  });

  const accounts = container.get(AccountRepository);
  const login = new PasswordLogin({
    findById: (id) => accounts.findById(id),
    findByName: (name) => accounts.findByName(name),
    home: "/",
    cookieName: COOKIE_NAME,
  });
  const end = (login: string) => logins.end(login);
  const ended = logouts
    ? shareLogoutsOver({ backplane: logouts, end, logger: log })
    : shareLogouts({ messaging, end, logger: log });
  const sessions = await loginSessions({ database, cookieName: COOKIE_NAME, logger: log, ended });

  const app = express();
  app.disable("x-powered-by");
  app.set("trust proxy", trustProxy(proxies));
  app.set("views", join(HERE, "views"));
  app.set("view engine", "ejs");

  app.use(securityHeaders);
  app.use((req, res, next) => {
    res.locals.texts = texts(req);
    next();
  });
  app.use("/vendor", clientLibraries());
  app.use("/public", express.static(join(HERE, "public")), express.static(join(SHARED, "public")));
  app.use(sessions.middleware, login.session());

  app.use("/portfolio", membersOnlyHandshake);
  app.get("/portfolio/csrf", csrf.handler);
  app.use(messaging);

  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  app.use((_req, res, next) => {
    res.vary("Accept-Language").set("Cache-Control", "no-store");
    next();
  });
  app.use(loginPages(login));
  app.get("/", membersOnly, checkToken, (req, res) => res.render("portfolio", { name: req.user!.name }));
  const api = portfolioApi(messaging);
  app.use(
    "/docs/messaging",
    membersOnly,
    asyncApiPage((req) => api.forUser(req.user)),
  );
  app.get("/users", membersOnly, (_req, res) => {
    res.json(messaging.userRegistry.getUsers().map(({ name }) => name));
  });
  app.get("/staff/inspector", membersOnly);
  app.use(
    "/staff/inspector",
    inspector(messaging, { allow: ({ user }) => isStaff(user) && ["look", "payloads", "disconnect"] }),
  );
  app.use((req, res) => res.status(404).render("problem", { problem: texts(req).pageNotFound }));
  app.use(showProblem(log));

  const server = createServer(app);
  messaging.attach(server);

  const quotes = new QuoteService({
    quotes: container.get(QuoteRepository),
    messaging,
    intervalMs: quoteIntervalMs,
  });
  const trades = container.get(TradeService);
  // Somebody must have quoted before anybody trades.
  await quotes.tellQuotes();
  const clockwork = [
    repeat(() => quotes.tellQuotes(), {
      pauseMs: quoteIntervalMs / 4,
      failed: (error) => log.warn("Quotes were not told:", error),
    }),
    repeat(() => trades.executeDue(), {
      pauseMs: tradeDelayMs / 4,
      failed: (error) => log.warn("Trades were not executed, or not told:", error),
    }),
  ];

  return {
    app,
    messaging,
    listen: (port, host) => listen(server, port, host),
    async close() {
      await Promise.all(clockwork.map((stop) => stop()));
      sessions.stop();
      await messaging.close();
      await logouts?.close();
      await closeServer(server);
      await database.destroy();
    },
  };
}

/** Answers with a page when something failed; what failed is for the log. */
function showProblem(logger: Logger): ErrorRequestHandler {
  return (error, req, res, next) => {
    if (res.headersSent) return next(error);

    const status = error.status >= 400 && error.status < 500 ? error.status : 500;
    if (status === 500) logger.error("A request failed:", error);
    res.status(status).render("problem", { problem: texts(req).unexpected });
  };
}
