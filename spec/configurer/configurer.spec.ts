import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import express from "express";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  type ChannelRegistration,
  type ClientInboundChannelRegistration,
  ConfigurationError,
  Controller,
  type HandlerMethodArgumentResolver,
  type HandlerMethodReturnValueHandler,
  type Message,
  type MessageBrokerRegistry,
  type MessageConverter,
  MessageMapping,
  Payload,
  SendTo,
  SimpMessagingTemplate,
  type StompEndpointRegistry,
  type StompMessaging,
  type StompSubProtocolErrorHandler,
  stompMessaging,
  type UnconfiguredOptions,
  type WebSocketMessageBrokerConfigurer,
  type WebSocketTransportRegistration,
} from "express-stomp";
import { configuredOptions } from "#lib/configurer/configurer.js";
import { RawClient } from "../support/raw-client.js";
import { recordingLogger } from "../support/recording.js";

/** Spring's guide "Using WebSocket to build an interactive web application". */
class WebSocketConfig implements WebSocketMessageBrokerConfigurer {
  configureMessageBroker(config: MessageBrokerRegistry): void {
    config.enableSimpleBroker("/topic");
    config.setApplicationDestinationPrefixes("/app");
  }

  registerStompEndpoints(registry: StompEndpointRegistry): void {
    registry.addEndpoint("/gs-guide-websocket");
  }
}

@Controller()
class GreetingController {
  @MessageMapping("/hello")
  @SendTo("/topic/greetings")
  greeting(@Payload() message: { name: string }) {
    return { content: `Hello, ${message.name}!` };
  }
}

/** The chat tutorials' configuration, with SockJS and another origin. */
class StompWebSocketConfig implements WebSocketMessageBrokerConfigurer {
  registerStompEndpoints(registry: StompEndpointRegistry): void {
    registry.addEndpoint("/stomp/chat").setAllowedOrigins("http://localhost:8080").withSockJS();
  }

  configureMessageBroker(registry: MessageBrokerRegistry): void {
    registry.setApplicationDestinationPrefixes("/pub");
    registry.enableSimpleBroker("/sub");
  }
}

@Controller()
class StompChatController {
  constructor(private readonly template: SimpMessagingTemplate) {}

  @MessageMapping("/chat/message")
  async message(@Payload() message: { roomId: number; text: string }) {
    await this.template.convertAndSend(`/sub/chat/room/${message.roomId}`, message);
  }
}

describe("WebSocketMessageBrokerConfigurer", () => {
  let server: Server | undefined;
  let messaging: StompMessaging | undefined;
  const clients: RawClient[] = [];

  async function start(configurer: WebSocketMessageBrokerConfigurer, options: UnconfiguredOptions = {}) {
    messaging = stompMessaging(configurer, { logger: recordingLogger(), ...options });
    server = createServer(express().use(messaging));
    messaging.attach(server);
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  async function connect(port: number, path: string) {
    const client = await RawClient.connect(port, "", path);
    clients.push(client);
    return client;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.cut();
    await messaging?.close();
    server?.close();
    server?.closeAllConnections();
    messaging = undefined;
    server = undefined;
  });

  describe("as the guide's WebSocketConfig", () => {
    it("greets", async () => {
      const port = await start(new WebSocketConfig(), { controllers: [GreetingController] });
      const client = await connect(port, "/gs-guide-websocket");

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/greetings\n\n^@");
      client.send('SEND\ndestination:/app/hello\n\n{"name":"Rod"}^@');

      expect(await client.frame()).to.match(/^MESSAGE\n(?:.+\n)+\n\{"content":"Hello, Rod!"\}\^@$/);
    });
  });

  describe("as the chat tutorials' StompWebSocketConfig", () => {
    it("carries a chat over SockJS's paths too", async () => {
      const port = await start(new StompWebSocketConfig(), { controllers: [StompChatController] });
      const client = await connect(port, "/stomp/chat/websocket");

      client.send("SUBSCRIBE\nid:1\ndestination:/sub/chat/room/7\n\n^@");
      client.send('SEND\ndestination:/pub/chat/message\n\n{"roomId":7,"text":"hi"}^@');

      expect(await client.frame()).to.match(/^MESSAGE\n(?:.+\n)+\n\{"roomId":7,"text":"hi"\}\^@$/);
    });

    for (const [origin, status] of [
      ["http://localhost:8080", 200],
      ["http://localhost:8081", 403],
    ] as const) {
      it(`answers pages of ${origin} with ${status}`, async () => {
        const port = await start(new StompWebSocketConfig());
        const answer = await fetch(`http://127.0.0.1:${port}/stomp/chat/info`, { headers: { origin } });

        expect(answer.status).to.equal(status);
      });
    }
  });

  describe("with all that it can say", () => {
    const names: string[] = [];
    const noting = (name: string): ChannelInterceptor => ({
      preSend(message: Message) {
        names.push(name);
        return message;
      },
    });
    const converter: MessageConverter = {
      fromMessage: () => undefined,
      toPayload: () => undefined,
    };
    const resolver: HandlerMethodArgumentResolver = {
      supportsParameter: () => false,
      resolveArgument: () => undefined,
    };
    const returnValueHandler: HandlerMethodReturnValueHandler = {
      supportsReturnType: () => false,
      handleReturnValue: () => undefined,
    };
    const errorHandler: StompSubProtocolErrorHandler = {
      handleClientMessageProcessingError: (_message, _error, reply) => ({
        ...reply,
        headers: { asked: "yes" },
      }),
    };

    class WholeConfig implements WebSocketMessageBrokerConfigurer {
      registerStompEndpoints(registry: StompEndpointRegistry): void {
        registry
          .addEndpoint("/a", "/b")
          .setAllowedOrigins("https://a.example")
          .setAllowedOriginPatterns("https://*.b.example")
          .setHandshakeHandler({ determineUser: (request) => ({ name: `u${request.query.n}` }) });
        registry.setErrorHandler(errorHandler).setPreserveReceiveOrder(false);
      }

      configureMessageBroker(registry: MessageBrokerRegistry): void {
        registry
          .enableSimpleBroker("/topic", "/queue")
          .setHeartbeatValue([20_000, 0])
          .setSelectorHeaderName("only");
        registry.setUserDestinationPrefix("/me");
        registry.configureBrokerChannel().interceptors(noting("broker")).taskExecutor().corePoolSize(3);
      }

      configureClientInboundChannel(registration: ClientInboundChannelRegistration): void {
        registration.interceptors(noting("in 1")).interceptors(noting("in 2"), {
          preSend(message) {
            if (message.headers.messageType === "SUBSCRIBE") throw new AccessDeniedError("No");
            return message;
          },
        });
        registration.deduplicate().taskExecutor().corePoolSize(4);
      }

      configureClientOutboundChannel(registration: ChannelRegistration): void {
        registration.interceptors(noting("out"));
      }

      configureWebSocketTransport(registration: WebSocketTransportRegistration): void {
        registration
          .setMessageSizeLimit(1000)
          .setSendBufferSizeLimit(2000)
          .setSendTimeLimit(3000)
          .setTimeToFirstMessage(4000);
      }

      configureMessageConverters(converters: MessageConverter[]): true {
        converters.push(converter);
        return true;
      }

      addArgumentResolvers(resolvers: HandlerMethodArgumentResolver[]): void {
        resolvers.push(resolver);
      }

      addReturnValueHandlers(handlers: HandlerMethodReturnValueHandler[]): void {
        handlers.push(returnValueHandler);
      }
    }

    it("becomes options", () => {
      const logger = recordingLogger();
      const options = configuredOptions(new WholeConfig(), {
        logger,
        clientsMaySendToUsers: true,
      });

      expect(options.transport).to.deep.equal({
        messageSizeLimit: 1000,
        sendBufferSizeLimit: 2000,
        sendTimeLimit: 3000,
        timeToFirstMessage: 4000,
      });
      expect(options.clientInboundChannel).to.include({ concurrency: 4, deduplicate: true });
      expect(options.brokerChannel).to.have.property("concurrency", 3);
      expect(options).to.include({ preserveReceiveOrder: false, errorHandler, clientsMaySendToUsers: true });
      expect(options.userDestinationPrefix).to.equal("/me");
      expect(options.messageConverters).to.deep.equal([converter]);
      expect(options.argumentResolvers).to.deep.equal([resolver]);
      expect(options.returnValueHandlers).to.deep.equal([returnValueHandler]);
      expect(options.endpoints.map(({ path }) => path)).to.deep.equal(["/a", "/b"]);
      for (const endpoint of options.endpoints) {
        expect(endpoint).to.deep.include({
          allowedOrigins: ["https://a.example"],
          allowedOriginPatterns: ["https://*.b.example"],
        });
      }
    });

    it("holds on the wire", async () => {
      names.length = 0;
      const port = await start(new WholeConfig());
      const user = new Promise((resolve) => messaging?.on("connected", resolve));
      const client = await RawClient.open(port, "/b?n=7");
      clients.push(client);

      client.send("CONNECT\naccept-version:1.2\nhost:spec\nheart-beat:1,1\n\n^@");
      expect(await client.frame())
        .to.include("\nheart-beat:20000,0\n")
        .and.include("\nuser-name:u7\n");
      expect(await user).to.deep.include({ user: { name: "u7" } });
      expect(names).to.deep.equal(["in 1", "in 2", "out"]);

      client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      expect(await client.frame()).to.equal(
        "ERROR\nmessage:No\nasked:yes\nretry:never\ncontent-length:0\n\n^@",
      );
    });
  });

  it("names the header of selectors", async () => {
    const port = await start({
      registerStompEndpoints: (registry) => void registry.addEndpoint("/ws"),
      configureMessageBroker: (registry) =>
        void registry.enableSimpleBroker("/topic").setSelectorHeaderName("only"),
    });
    const client = await connect(port, "/ws");

    client.send("SUBSCRIBE\nid:1\ndestination:/topic/a\nonly:x = 2\n\n^@");
    for (const x of [1, 2]) client.send(`SEND\ndestination:/topic/a\nx:${x}\n\nno. ${x}^@`);

    expect(await client.frame()).to.match(/\n\nno. 2\^@$/);
  });

  describe("with a path that is there twice", () => {
    it("serves plain WebSocket and SockJS there, as the tutorials expect", async () => {
      const port = await start({
        registerStompEndpoints(registry) {
          registry.addEndpoint("/ws");
          registry.addEndpoint("/ws").withSockJS();
        },
      });

      await connect(port, "/ws");
      expect(await (await fetch(`http://127.0.0.1:${port}/ws`)).text()).to.equal("Welcome to SockJS!\n");
    });
  });

  for (const [what, configurer, text] of [
    [
      "no path",
      { registerStompEndpoints: (registry) => void registry.addEndpoint() },
      "addEndpoint needs a path",
    ],
    ["no endpoint", { registerStompEndpoints() {} }, "endpoints is empty"],
    [
      "an async method",
      { registerStompEndpoints: () => Promise.reject(new Error("late")) as never },
      "registerStompEndpoints must not be async: messaging starts at once",
    ],
    [
      "converters that are to replace ours",
      {
        registerStompEndpoints: (registry) => void registry.addEndpoint("/ws"),
        configureMessageConverters: () => false as never,
      },
      "configureMessageConverters returned false: our converters are always asked last",
    ],
    [
      "a heart-beat that makes no sense",
      {
        registerStompEndpoints: (registry) => void registry.addEndpoint("/ws"),
        configureMessageBroker: (registry) => void registry.enableSimpleBroker().setHeartbeatValue([1, 1]),
      },
      "heartbeatValue",
    ],
  ] as [string, WebSocketMessageBrokerConfigurer, string][]) {
    it(`refuses ${what} at the start`, () => {
      expect(() => stompMessaging(configurer)).to.throw(ConfigurationError, text);
    });
  }

  it("refuses an option that is said beside it too, but not one it says nothing of", () => {
    expect(() =>
      stompMessaging(new WebSocketConfig(), { applicationDestinationPrefixes: ["/app"] }),
    ).to.throw(
      ConfigurationError,
      "applicationDestinationPrefixes is said twice: by the configurer, and in the options beside it",
    );
    expect(
      configuredOptions(new WebSocketConfig(), { transport: { messageSizeLimit: 7 } }).transport,
    ).to.deep.equal({ messageSizeLimit: 7 });
  });
});
