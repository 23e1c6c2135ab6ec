import { RxStomp } from "@stomp/rx-stomp";
import { expect } from "chai";
import { type ChannelInterceptor, type Message, simpleBroker, withHeaders } from "express-stomp";
import { type PlaceOptions, resuming } from "express-stomp/client";
import { filter, type Subscription } from "rxjs";
import WebSocket from "ws";
import { startServer, type TestServer } from "../support/server.js";

const ROOM = "/topic/room/7";

const login: ChannelInterceptor = {
  preSend: (message: Message) =>
    message.headers.messageType === "CONNECT" ? withHeaders(message, { user: { name: "rod" } }) : message,
};

describe("resuming(rxStomp.stompClient) with rx-stomp", () => {
  let server: TestServer;
  let rxStomp: RxStomp;
  let sockets: WebSocket[];
  let heard: string[];
  let look: () => void;
  /** Called when the server has answered SUBSCRIBE. */
  let told: () => void;
  let mayConnect: Promise<void>;

  beforeEach(async () => {
    server = await startServer({
      broker: simpleBroker({
        destinationPrefixes: ["/topic"],
        history: { destinations: ["/topic/room/**"], size: 3, ttl: 60_000 },
      }),
      clientInboundChannel: { interceptors: [login], deduplicate: true },
    });
    sockets = [];
    heard = [];
    look = () => {};
    mayConnect = Promise.resolve();
    rxStomp = new RxStomp();
    rxStomp.configure({
      webSocketFactory: () => {
        const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`, ["v12.stomp"]);
        sockets.push(socket);
        return socket;
      },
      reconnectDelay: 1,
      beforeConnect: () => mayConnect,
    });
  });

  afterEach(async () => {
    await rxStomp.deactivate({ force: true });
    await server.close();
  });

  function note(text: string): void {
    heard.push(text);
    look();
  }

  async function until(text: string): Promise<void> {
    while (!heard.includes(text)) {
      await new Promise<void>((resolve) => {
        look = resolve;
      });
    }
  }

  function watch(options: PlaceOptions = {}): Subscription {
    const { headers, accept } = resuming(rxStomp.stompClient).place(ROOM, {
      onReload: () => note("reload"),
      ...options,
    });
    return rxStomp
      .watch({ destination: ROOM, subHeaders: headers })
      .pipe(
        filter((message) => {
          if (message.headers.recovered !== undefined) told();
          return accept(message);
        }),
      )
      .subscribe(({ body }) => note(body));
  }

  const publish = (body: string) => server.messaging.template.convertAndSend(ROOM, body);
  const next = (event: "disconnect" | "unsubscribe") =>
    new Promise((resolve) => server.messaging.on(event, resolve));
  const answered = () =>
    new Promise<void>((resolve) => {
      told = resolve;
    });

  /** Ends the line, and lets it come back when the other thing is done. */
  async function whileAway(task: () => Promise<void>): Promise<void> {
    const gone = next("disconnect");
    let comeBack = () => {};
    mayConnect = new Promise((resolve) => {
      comeBack = resolve;
    });
    sockets.at(-1)?.terminate();
    await gone;
    await task();
    const again = answered();
    comeBack();
    await again;
  }

  it("hears what was sent while the line was away, once and in order, each time", async () => {
    const first = answered();
    watch();
    rxStomp.activate();
    await first;
    // A reconnect before the first message: the place is the one that the server has told.
    for (const round of ["a", "b", "c"]) {
      await whileAway(async () => {
        for (const body of ["1", "2", "3"]) await publish(round + body);
      });
      await publish(`${round} live`);
      await until(`${round} live`);
    }

    const all = ["a", "b", "c"].flatMap((round) => ["1", "2", "3", " live"].map((body) => round + body));
    expect(heard).to.deep.equal(all);
    expect(sockets).to.have.length(4);
  });

  it("is told to reload when more was missed than is kept, and hears what is new", async () => {
    const first = answered();
    watch();
    rxStomp.activate();
    await first;
    await publish("before");
    await until("before");
    await whileAway(async () => {
      for (let i = 0; i < 5; i++) await publish(`${i}`);
    });
    await publish("after");
    await until("after");

    expect(heard).to.deep.equal(["before", "reload", "after"]);
  });

  it("begins where it is told to, and hears nothing when nobody watches any more", async () => {
    await publish("kept");
    const first = answered();
    const watching = watch({ since: "first" });
    rxStomp.activate();
    await first;
    await until("kept");
    const over = next("unsubscribe");
    watching.unsubscribe();
    await over;
    await publish("unheard");
    const again = answered();
    watch();
    await again;
    await publish("live");
    await until("live");

    expect(heard).to.deep.equal(["kept", "live"]);
  });

  it("sends again what was not confirmed, and it is handled once", async () => {
    const first = answered();
    watch();
    rxStomp.activate();
    await first;
    const sent: string[] = [];
    server.messaging.clientInboundChannel.addInterceptor({
      postSend({ headers }) {
        if (headers.messageType !== "MESSAGE") return;
        sent.push(headers.destination ?? "");
        // Its receipt does not come through.
        if (sent.length === 1) sockets.at(-1)?.terminate();
      },
    });
    await resuming(rxStomp.stompClient).publish({ destination: ROOM, body: "once" }, { retry: true });
    await publish("last");
    await until("last");

    expect(heard).to.deep.equal(["once", "last"]);
    expect(sockets.length).to.be.above(1);
  });
});
