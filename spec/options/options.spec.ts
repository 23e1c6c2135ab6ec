import { expect } from "chai";
import { ConfigurationError, messageSecurity, simpleBroker, stompMessaging } from "express-stomp";

const endpoints = [{ path: "/ws" }];
const security = messageSecurity((messages) => messages.anyMessage().denyAll());

/** What a JavaScript program might pass, and what it is told. */
const WRONG: [options: unknown, text: string][] = [
  [undefined, "stompMessaging takes an object"],
  [{}, "endpoints is empty: name the path where clients connect"],
  [{ endpoints: { path: "/ws" } }, "endpoints must be an array"],
  [{ endpoints, clock: Date }, "clock has no method date: it must have now, date, every, after"],
  [{ endpoints: [null] }, "endpoints[0] takes an object"],
  [{ endpoints: [{ path: "/ws", origins: [] }] }, 'endpoints[0] has no option "origins"; it has path,'],
  [{ endpoints: [{ path: "ws" }] }, 'path must be a URL path as "/stomp/chat"'],
  [{ endpoints: [{ path: "/ws" }, { path: "/ws" }] }, "endpoints has the path /ws twice"],
  [{ endpoints: [{ path: "/ws" }, { path: "/ws/" }] }, "endpoints has the path /ws twice"],
  [{ endpoints, endpoint: "/ws" }, 'stompMessaging has no option "endpoint"; it has endpoints,'],
  [{ endpoints, applicationDestinationPrefixes: "/app" }, "applicationDestinationPrefixes must be an array"],
  [{ endpoints, applicationDestinationPrefixes: ["app"] }, 'applicationDestinationPrefixes[0] is "app"'],
  [{ endpoints, destinationSeparator: ":" }, 'destinationSeparator is ":": it must be "/" or "."'],
  [{ endpoints, destinationSeparator: null }, "destinationSeparator is null: it must be"],
  [
    { endpoints, broker: simpleBroker({ retainLast: ["/topic/{"] }) },
    "simpleBroker: retainLast has the pattern /topic/{: The braces",
  ],
  [
    { endpoints, broker: simpleBroker({ retainLast: ["/topic/{a.b}"] }), destinationSeparator: "." },
    "simpleBroker: retainLast has the pattern /topic/{a.b}: The braces",
  ],
  [{ endpoints, broker: {} }, "broker takes what simpleBroker(…) or stompBrokerRelay(…) returns"],
  [{ endpoints, broker: () => undefined }, "stompBrokerRelay(…) returns: this made no broker"],
  [{ endpoints, controllers: [class Greeter {}] }, "Greeter has no @Controller() above it"],
  [{ endpoints, validator: () => true }, "validator has no method validate"],
  [{ endpoints, argumentResolvers: [null] }, "argumentResolvers[0] has no method supportsParameter"],
  [{ endpoints, returnValueHandlers: [{}] }, "returnValueHandlers[0] has no method supportsReturnType"],
  [
    { endpoints, handlerTimeout: -1 },
    "handlerTimeout is -1: it must be a whole number of milliseconds, or 0",
  ],
  [{ endpoints, handlerTimeout: 2 ** 31 }, "handlerTimeout is 2147483648"],
  [{ endpoints, container: {} }, "container has no method get"],
  [
    { endpoints, container: { get() {}, isBound() {}, bind() {}, createChild() {} } },
    "container is of inversify 6 or older",
  ],
  [{ endpoints, controllers: {} }, "controllers must be an array"],
  [{ endpoints, preserveReceiveOrder: 1 }, "preserveReceiveOrder must be true or false"],
  [{ endpoints, errorHandler: {} }, "errorHandler has no method handleClientMessageProcessingError"],
  [
    { endpoints, clientInboundChannel: { concurrency: 0 } },
    "clientInboundChannel.concurrency is 0: it must be",
  ],
  [
    { endpoints, clientOutboundChannel: { interceptors: {} } },
    "clientOutboundChannel.interceptors must be an",
  ],
  [{ endpoints, clientInboundChannel: { waitingSizeLimit: 1 } }, 'has no option "waitingSizeLimit"; it has'],
  [{ endpoints, brokerChannel: { waitingSizeLimit: 0 } }, "brokerChannel.waitingSizeLimit is 0: it must be"],
  [
    { endpoints, clientInboundChannel: { interceptor: {} } },
    'clientInboundChannel has no option "interceptor"',
  ],
  [
    { endpoints, brokerChannel: { interceptors: [{}] } },
    "brokerChannel.interceptors[0] has none of preSend,",
  ],
  [{ endpoints, messageConverters: [{}] }, "messageConverters[0] has no method fromMessage"],
  [
    { endpoints, transport: { messageSizeLimit: 0 } },
    "transport.messageSizeLimit is 0: it must be a whole number",
  ],
  [{ endpoints, transport: { sendBufferSizeLimit: "1" } }, "transport.sendBufferSizeLimit is 1"],
  [{ endpoints, userDestinationPrefix: "user" }, 'userDestinationPrefix is "user": a prefix is a string'],
  [{ endpoints, userDestinationPrefix: "/" }, 'userDestinationPrefix is "/": a prefix is a string'],
  [{ endpoints, userDestinationPrefix: "//user" }, 'userDestinationPrefix is "//user": a prefix is'],
  [{ endpoints, userDestinationPrefix: 7 }, "userDestinationPrefix is 7: a prefix is a string"],
  [
    { endpoints, applicationDestinationPrefixes: ["/app", "/user"] },
    "userDestinationPrefix /user and applicationDestinationPrefixes /user overlap",
  ],
  [
    { endpoints, userDestinationPrefix: "/me/", applicationDestinationPrefixes: ["/me/app"] },
    "userDestinationPrefix /me/ and applicationDestinationPrefixes /me/app overlap",
  ],
  [{ endpoints, clientsMaySendToUsers: "no" }, "clientsMaySendToUsers must be true or false"],
  [
    { endpoints, security: { preSend() {} } },
    "security takes what messageSecurity(…) of the same copy of express-stomp returns",
  ],
  [
    { endpoints, security, destinationSeparator: "." },
    'security was made for the destinationSeparator "/": tell messageSecurity that it is "."',
  ],
  [
    { endpoints, security, broker: () => ({ handle() {}, hasSubscription: () => false, close() {} }) },
    'security was made for the simple broker, and this one may read destinations otherwise: tell messageSecurity broker: "relay"',
  ],
  [{ endpoints, userSessions: 3 }, "userSessions takes an object"],
  [{ endpoints, userSessions: {} }, "userSessions.limit is undefined: it must be a whole number above 0"],
  [{ endpoints, userSessions: { limit: 0 } }, "userSessions.limit is 0: it must be a whole number above 0"],
  [{ endpoints, userSessions: { limit: 1.5 } }, "userSessions.limit is 1.5: it must be a whole number"],
  [
    { endpoints, userSessions: { limit: 1, beyond: "ignore" } },
    'userSessions.beyond is "ignore": it must be "refuse" or "end-oldest"',
  ],
  [
    { endpoints, userSessions: { limit: 1, max: 2 } },
    'userSessions has no option "max"; it has limit, beyond',
  ],
  [{ endpoints, logger: { info() {} } }, "logger has no method debug"],
];

describe("stompMessaging", () => {
  for (const [options, text] of WRONG) {
    it(`refuses an option that makes no sense: ${text}`, () => {
      expect(() => stompMessaging(options as never))
        .to.throw(ConfigurationError)
        .with.property("message")
        .include(text);
    });
  }

  it("refuses an option of simpleBroker that there is not", () => {
    expect(() => simpleBroker({ prefixes: ["/topic"] } as never)).to.throw(
      ConfigurationError,
      'simpleBroker has no option "prefixes"; it has destinationPrefixes, heartbeatValue, subscriptionLimit',
    );
  });

  it("needs nothing but an endpoint", async () => {
    const messaging = stompMessaging({ endpoints });

    expect(messaging).to.be.a("function");
    await messaging.close();
  });
});
