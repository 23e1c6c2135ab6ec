import { expect } from "chai";
import { type Example, examplesBelow, faultsOf } from "../support/examples.js";

/** Names that people type: each has an example that an editor shows. */
const TYPED = [
  ...["stompMessaging", "StompMessagingOptions", "EndpointOptions", "TransportOptions"],
  ...["StompMessaging.attach", "StompMessaging.close", "StompMessaging.disconnect", "StompMessaging.on"],
  ...["StompMessaging.unsubscribe", "StompMessaging.recheck", "UserSessionLimitOptions"],
  ...["simpleBroker", "stompBrokerRelay", "BrokerSystem.subscribe", "WebSocketMessageBrokerConfigurer"],
  ...[
    "Controller",
    "ControllerAdvice",
    "Scope",
    "MessageMapping",
    "SubscribeMapping",
    "SendTo",
    "SendToUser",
  ],
  ...["Authorize", "MessageExceptionHandler", "Payload", "Header", "Headers", "DestinationVariable"],
  ...["Principal", "Message", "Exception", "classValidator"],
  ...["HandlerMethodArgumentResolver", "HandlerMethodReturnValueHandler", "MessageConverter"],
  ...["SimpMessagingTemplate.send", "SimpMessagingTemplate.convertAndSend"],
  ...["SimpMessagingTemplate.convertAndSendToUser", "SimpUserRegistry", "SimpUserRegistry.findSubscriptions"],
  ...["ChannelInterceptor", "MessageHandler", "HandshakeInterceptor", "StompSubProtocolErrorHandler"],
  ...["createMessage", "withHeaders", "SessionGrant"],
  ...["messageSecurity", "hasRole", "access", "bearerToken", "csrfToken", "httpSessionHandshakeInterceptor"],
  ...["AccessDeniedError", "MessageHandlingError", "MessageConversionError", "MethodArgumentNotValidError"],
];

const WRONG: Example = {
  name: "wrong",
  file: "wrong.ts",
  line: 10,
  code: "simpleBroker({ destinationPrefixes: [] });\nsimpleBroker({ prefixes: [] });",
};

describe("Examples in docstrings", function () {
  this.timeout(120_000); // a compiler's run: seconds, many of them on a busy machine
  let examples: Example[];

  before(() => {
    examples = examplesBelow("lib");
  });

  it("stand above what people type", () => {
    const names = new Set(examples.map(({ name }) => name));
    expect(TYPED.filter((name) => !names.has(name))).to.deep.equal([]);
  });

  it("have eight lines at most", () => {
    const long = examples.filter(({ code }) => code.split("\n").length > 8);
    expect(long.map(({ name }) => name)).to.deep.equal([]);
  });

  it("compile; one that is wrong would not", () => {
    const [fault, ...faults] = faultsOf([WRONG, ...examples]);

    expect(faults).to.deep.equal([]);
    expect(fault).to.match(/^wrong\.ts:11 \(wrong\): .*'prefixes' does not exist/);
  });
});
