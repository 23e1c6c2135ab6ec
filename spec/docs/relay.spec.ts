import { expect } from "chai";
import { type StompMessaging, stompBrokerRelay } from "express-stomp";
import { missingExamples } from "../support/documented.js";
import { RelayStage } from "../support/relay-stage.js";

const health = { broker: "unknown" };
const audited: string[] = [];
const audit = (destination: string | undefined, text: string) => audited.push(`${destination} ${text}`);

const broker = stompBrokerRelay({
  destinationPrefixes: ["/topic", "/queue"],
  relayHost: "127.0.0.1",
  relayPort: 61613,
});

const several = stompBrokerRelay({
  destinationPrefixes: ["/topic", "/queue"],
  systemLogin: "app",
  systemPasscode: process.env.APP_PASSCODE ?? "",
  userDestinationBroadcast: "/topic/servers.users",
  userRegistryBroadcast: "/topic/servers.registry",
  secret: process.env.SERVERS_SECRET ?? "the same long text on all servers",
});

const sharing = stompBrokerRelay({ destinationPrefixes: ["/topic", "/queue"], connections: "shared" });

function count(messaging: StompMessaging) {
  const { userRegistry } = messaging;
  const elsewhere = userRegistry.findSubscriptions(({ session }) => session.server !== undefined);
  console.log(`${userRegistry.getUserCount()} users, ${elsewhere.length} subscriptions on other servers`);
}

function watch(messaging: StompMessaging) {
  messaging.on("brokerAvailability", ({ isAvailable }) => {
    health.broker = isAvailable ? "up" : "down";
  });
}

async function listen(messaging: StompMessaging) {
  const unsubscribe = await messaging.system?.subscribe(
    "/topic/audit",
    ({ payload, headers }) => {
      audit(headers.destination, Buffer.from(payload).toString());
    },
    { lost: () => audit("", "from here on something is missing"), resumed: () => audit("", "up to here") },
  );
  return unsubscribe;
}

describe("docs/relay.md", () => {
  it("shows what is tried here", () => {
    expect([several, sharing, count]).to.have.length(3);
    expect(broker).to.be.a("function");
    expect(missingExamples("docs/relay.md", "spec/docs/relay.spec.ts")).to.deep.equal([]);
  });

  it("tells of the broker's health, and lets the application listen", async () => {
    const stage = await RelayStage.open();
    const { messaging } = stage.server;
    watch(messaging);
    const system = await stage.system();
    expect(health).to.deep.equal({ broker: "up" });

    const listening = listen(messaging);
    const { headers } = await system.until("SUBSCRIBE");
    const unsubscribe = await listening;
    const message = { destination: "/topic/audit", "message-id": "1", subscription: headers.get("id")! };
    system.send("MESSAGE", message, "traded");
    await messaging.template.convertAndSend("/topic/a", "what comes after it");
    await unsubscribe?.();
    expect(audited).to.deep.equal(["/topic/audit traded"]);

    await stage.close();
    expect(health).to.deep.equal({ broker: "down" });
  });
});
