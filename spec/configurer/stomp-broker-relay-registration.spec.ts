import { expect } from "chai";
import { type StompMessaging, stompMessaging, type WebSocketMessageBrokerConfigurer } from "express-stomp";
import { recordingLogger } from "../support/recording.js";
import { ScriptedBroker } from "../support/scripted-broker.js";

describe("StompBrokerRelayRegistration", () => {
  let broker: ScriptedBroker;
  let messaging: StompMessaging;

  function start(configurer: WebSocketMessageBrokerConfigurer): void {
    messaging = stompMessaging(configurer, { logger: recordingLogger() });
  }

  beforeEach(async () => {
    broker = await ScriptedBroker.open();
  });

  afterEach(async () => {
    await messaging.close();
    await broker.close();
  });

  it("relays to the broker, as all methods of the registration say", async () => {
    start({
      registerStompEndpoints: (registry) => void registry.addEndpoint("/ws"),
      configureMessageBroker(registry) {
        registry
          .enableStompBrokerRelay("/topic", "/queue")
          .setRelayHost("localhost")
          .setRelayPort(broker.port)
          .setClientLogin("web")
          .setClientPasscode("one")
          .setSystemLogin("app")
          .setSystemPasscode("two")
          .setSystemHeartbeatSendInterval(2000)
          .setSystemHeartbeatReceiveInterval(3000)
          .setVirtualHost("stocks")
          .setTls(false)
          .setAutoStartup(false);
      },
    });
    messaging.start();
    const connect = await (await broker.line()).frame();

    expect(Object.fromEntries(connect.headers)).to.deep.equal({
      "accept-version": "1.1,1.2",
      "heart-beat": "2000,3000",
      login: "app",
      passcode: "two",
      host: "stocks",
    });
  });

  it("takes several addresses", async () => {
    start({
      registerStompEndpoints: (registry) => void registry.addEndpoint("/ws"),
      configureMessageBroker(registry) {
        registry.enableStompBrokerRelay("/topic").setAddresses({ host: "127.0.0.1", port: broker.port });
      },
    });
    expect((await (await broker.line()).frame()).command).to.equal("CONNECT");
  });
});
