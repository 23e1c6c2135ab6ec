import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import express, { type ErrorRequestHandler, type Express } from "express";
import session from "express-session";
import { type Logger, type StompMessaging, simpleBroker, stompMessaging } from "express-stomp";
import { Container } from "inversify";
import { Authentication, membersOnlyHandshake } from "./authentication.js";
import { ChatMessageRepository } from "./chat-message-repository.js";
import { ChatRoomRepository } from "./chat-room-repository.js";
import { ChatDatabase, openDatabase } from "./database.js";
import { LoginSessionStore } from "./login-session-store.js";
import { MemberInterceptor } from "./member-interceptor.js";
import { MemberRepository } from "./member-repository.js";
import { RoomController } from "./room-controller.js";
import { securityHeaders } from "./security-headers.js";
import { StompChatController } from "./stomp-chat-controller.js";
import { fill, texts } from "./texts.js";

const DAY = 24 * 60 * 60 * 1000;

/** Views and public files stay with the sources; what runs is compiled to build/example/chat. */
const HERE = join(import.meta.dirname, "../../../example/chat");

export interface ChatOptions {
  /** `postgres://…`, or the path of an embedded database file, made if missing. */
  readonly databaseUrl: string;
  /** @default console */
  readonly logger?: Logger;
}

export interface Chat {
  readonly app: Express;
  readonly messaging: StompMessaging;
  /** Starts the server, and gives the port it listens on. */
  listen(port: number, host?: string): Promise<number>;
  /** Sends everyone away and closes the database. */
  close(): Promise<void>;
}

/** Makes the chat: its database, its pages, its messaging. */
export async function createChat({ databaseUrl, logger = console }: ChatOptions): Promise<Chat> {
  const database = await openDatabase(databaseUrl);

  const container = new Container();
  container.bind(ChatDatabase).toConstantValue(database);
  container.bind(ChatRoomRepository).toSelf().inSingletonScope();
  container.bind(ChatMessageRepository).toSelf().inSingletonScope();
  container.bind(MemberRepository).toSelf().inSingletonScope();
  container.bind(Authentication).toSelf().inSingletonScope();
  container.bind(RoomController).toSelf().inSingletonScope();

  const authentication = container.get(Authentication);
  const store = new LoginSessionStore(database);

  const messaging = stompMessaging({
    endpoints: [{ path: "/stomp/chat", sockJS: true }],
    applicationDestinationPrefixes: ["/pub"],
    broker: simpleBroker({ destinationPrefixes: ["/sub"] }),
    clientInboundChannel: { interceptors: [new MemberInterceptor(container.get(ChatRoomRepository))] },
    controllers: [StompChatController],
    container,
    logger,
  });

  const app = express();
  app.disable("x-powered-by");
  app.set("views", join(HERE, "views"));
  app.set("view engine", "ejs");

  app.use(securityHeaders);
  app.use((req, res, next) => {
    Object.assign(res.locals, { texts: texts(req), fill });
    next();
  });
  app.use("/vendor/stompjs", express.static(packageFolder("@stomp/stompjs")));
  app.use("/vendor/sockjs-client", express.static(join(packageFolder("sockjs-client/package.json"), "dist")));
  app.use("/public", express.static(join(HERE, "public")));

  app.use(
    session({
      name: "chat.sid",
      secret: await sessionSecret(database),
      store,
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: "lax", secure: "auto", maxAge: 30 * DAY },
    }),
  );
  app.use(authentication.session());

  app.use("/stomp", membersOnlyHandshake);
  app.use(messaging);

  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  app.use((req, res, next) => {
    res.locals.member = req.user;
    res.vary("Accept-Language").set("Cache-Control", "no-store");
    next();
  });
  app.get("/", (_req, res) => res.redirect("/chat/rooms"));
  app.use(authentication.routes());
  app.use(container.get(RoomController).routes());
  app.use((req, res) => {
    res.status(404).render("problem", { problem: texts(req).pageNotFound });
  });
  app.use(showProblem(logger));

  const server = createServer(app);
  messaging.attach(server);

  await store.sweep();
  const sweeping = setInterval(() => {
    store.sweep().catch((error: unknown) => logger.warn("Expired sessions were not removed:", error));
  }, DAY / 24).unref();

  return {
    app,
    messaging,
    listen: (port, host) => listen(server, port, host),
    async close() {
      clearInterval(sweeping);
      await messaging.close();
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

/** The key that signs session cookies: made once, then kept, so that a restart logs nobody out. */
async function sessionSecret(database: ChatDatabase): Promise<string> {
  await database
    .insertInto("setting")
    .values({ name: "session secret", value: randomBytes(32).toString("base64url") })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .execute();
  const { value } = await database
    .selectFrom("setting")
    .select("value")
    .where("name", "=", "session secret")
    .executeTakeFirstOrThrow();
  return value;
}

function packageFolder(entry: string): string {
  return dirname(fileURLToPath(import.meta.resolve(entry)));
}

function listen(server: Server, port: number, host?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // Requests that are being answered get a moment.
    setTimeout(() => server.closeAllConnections(), 1000).unref();
  });
}
