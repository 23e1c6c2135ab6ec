import "reflect-metadata";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import express, { type ErrorRequestHandler, type Express } from "express";
import {
  type Backplane,
  type Clock,
  csrfToken,
  type Logger,
  type StompMessaging,
  simpleBroker,
  stompMessaging,
} from "express-stomp";
import { type InspectorOptions, type InspectorPermission, inspector } from "express-stomp/inspector";
import { Container } from "inversify";
import { clientLibraries } from "../shared/client-libraries.js";
import { closeServer, listen } from "../shared/http-server.js";
import { IMPORT_MAP } from "../shared/import-map.js";
import { LoginInterceptor } from "../shared/login-interceptor.js";
import { loginSessions } from "../shared/login-sessions.js";
import { membersOnly, membersOnlyHandshake } from "../shared/members-only.js";
import { securityHeaders } from "../shared/security-headers.js";
import { shareLogoutsOver } from "../shared/share-logouts-over.js";
import { trustProxy } from "../shared/trust-proxy.js";
import { chatApi } from "./asyncapi.js";
import { Authentication, COOKIE_NAME } from "./authentication.js";
import { chatContract } from "./chat-contract.js";
import { ChatMessageRepository } from "./chat-message-repository.js";
import { ChatRoomRepository } from "./chat-room-repository.js";
import { chatSecurity } from "./chat-security.js";
import { ChatDatabase, openDatabase } from "./database.js";
import { MemberRepository } from "./member-repository.js";
import { PeopleController, SessionEnder } from "./people-controller.js";
import { PrivateMessageRepository } from "./private-message-repository.js";
import { RoomController } from "./room-controller.js";
import { StompChatController } from "./stomp-chat-controller.js";
import { fill, texts } from "./texts.js";

/** Views and public files stay with the sources; what runs is compiled to build/example/chat. */
const HERE = join(import.meta.dirname, "../../../example/chat");
const SHARED = join(HERE, "../shared");

export interface ChatOptions {
  /** `postgres://…`, or the path of an embedded database file, made if missing. */
  readonly databaseUrl: string;
  /** The proxies in front, as `TRUST_PROXY` has them. @default none */
  readonly proxies?: string | undefined;
  /** The roads to the other servers, which only they can use. @default none: this server is alone */
  readonly roads?: ChatRoads;
  /** By default warnings and errors of the messaging, and the chat's own, go to the console. */
  readonly logger?: Logger;
  /** Of the messaging. @default the process's */
  readonly clock?: Clock;
}

/** The roads between the servers of one chat. */
export interface ChatRoads {
  /** For messages. */
  readonly backplane: Backplane;
  /** For logins that are over. */
  readonly logouts: Backplane;
}

export interface Chat {
  readonly app: Express;
  readonly messaging: StompMessaging;
  readonly server: Server;
  /** Starts the server, and gives the port it listens on. */
  listen(port: number, host?: string): Promise<number>;
  /** Sends everyone away and closes the database. */
  close(): Promise<void>;
}

/** Makes the chat: its database, its pages, its messaging. */
export async function createChat({ databaseUrl, proxies, roads, logger, clock }: ChatOptions): Promise<Chat> {
  const log = logger ?? console;
  const database = await openDatabase(databaseUrl);

  const container = new Container();
  container.bind(ChatDatabase).toConstantValue(database);
  container.bind(ChatRoomRepository).toSelf().inSingletonScope();
  container.bind(ChatMessageRepository).toSelf().inSingletonScope();
  container.bind(PrivateMessageRepository).toSelf().inSingletonScope();
  container.bind(MemberRepository).toSelf().inSingletonScope();
  container.bind(Authentication).toSelf().inSingletonScope();
  container.bind(RoomController).toSelf().inSingletonScope();
  container
    .bind(SessionEnder)
    .toConstantValue(new SessionEnder((user, reason) => messaging.disconnect({ user }, reason)));

  const authentication = container.get(Authentication);
  const logins = new LoginInterceptor((login) => sessions.has(login));
  const end = (login: string) => logins.end(login);
  const ended = roads ? shareLogoutsOver({ backplane: roads.logouts, end, logger: log }) : end;
  const sessions = await loginSessions({
    database,
    cookieName: COOKIE_NAME,
    logger: log,
    ended,
  });
  const csrf = csrfToken();

  const messaging = stompMessaging({
    endpoints: [{ path: "/stomp/chat", sockJS: true }],
    applicationDestinationPrefixes: ["/pub"],
    broker: simpleBroker({
      destinationPrefixes: ["/sub"],
      // For pages whose line breaks. What is older, or of before this process, they have from the database.
      history: { destinations: ["/sub/chat/room/*", "/user/queue/private"], size: 100, ttl: 600_000 },
      ...(roads && { backplane: roads.backplane, trusted: true }),
    }),
    // Told at …/presence to those who are in the room; a page that is loaded again has not left it.
    presence: { destinations: ["/sub/chat/room/*"], goneAfter: 2_000, gather: 100 },
    clientInboundChannel: { interceptors: [csrf, logins], deduplicate: true },
    security: chatSecurity({
      rooms: container.get(ChatRoomRepository),
      members: container.get(MemberRepository),
    }),
    controllers: [StompChatController, PeopleController],
    contract: chatContract,
    container,
    ...(logger && { logger }),
    ...(clock && { clock }),
  });

  const app = express();
  app.disable("x-powered-by");
  app.set("trust proxy", trustProxy(proxies));
  app.set("views", join(HERE, "views"));
  app.set("view engine", "ejs");

  app.locals.importMap = IMPORT_MAP;

  app.use(securityHeaders);
  app.use((req, res, next) => {
    Object.assign(res.locals, { texts: texts(req), fill });
    next();
  });
  app.use("/vendor", clientLibraries());
  // As it was compiled for this server: the pages run the same file.
  app.use("/chat-contract.js", express.static(join(import.meta.dirname, "chat-contract.js")));
  app.use("/public", express.static(join(HERE, "public")), express.static(join(SHARED, "public")));

  app.use(sessions.middleware);
  app.use(authentication.session());

  app.use("/stomp", membersOnlyHandshake);
  app.get("/stomp/csrf", csrf.handler);
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
  app.get("/staff/inspector", membersOnly);
  app.use("/staff/inspector", inspector(messaging, inspectorOptions(container.get(MemberRepository))));
  const api = chatApi(messaging);
  app.get("/staff/asyncapi.json", membersOnly, async (req, res, next) => {
    if (await container.get(MemberRepository).isStaff(req.user?.name ?? "")) res.json(api);
    else next();
  });
  app.use((req, res) => {
    res.status(404).render("problem", { problem: texts(req).pageNotFound });
  });
  app.use(showProblem(log));

  const server = createServer(app);
  messaging.attach(server);

  return {
    app,
    messaging,
    server,
    listen: (port, host) => listen(server, port, host),
    async close() {
      sessions.stop();
      await messaging.close();
      await roads?.logouts.close();
      await closeServer(server);
      await database.destroy();
    },
  };
}

/** The rights of the staff: no bodies, since private messages are nobody else's, and no sending in the name of the chat. */
const STAFF_MAY: readonly InspectorPermission[] = ["look", "disconnect", "unsubscribe"];

function inspectorOptions(members: MemberRepository): InspectorOptions {
  return {
    allow: async ({ user }) => (user && (await members.isStaff(user.name)) ? STAFF_MAY : false),
    findUser: async (name) => {
      const member = await members.findByName(name);
      return member && { name: member.name };
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
