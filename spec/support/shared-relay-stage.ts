import { expect } from "chai";
import { RelayStage, type RelayStageOptions } from "./relay-stage.js";
import type { ScriptedLine } from "./scripted-broker.js";
import type { StompSession } from "./stomp-session.js";

/** A stage whose clients share one connection to the broker, that connection's line, and the application's own. */
export async function openShared(
  options: RelayStageOptions,
): Promise<{ stage: RelayStage; shared: ScriptedLine; system: ScriptedLine }> {
  const relay = { connections: "shared", sharedConnections: 1, clientLogin: "web" } as const;
  const stage = await RelayStage.open({ ...options, relay: { ...relay, ...options.relay } });
  const lines = [await stage.broker.line(), await stage.broker.line()] as const;
  const first = await lines[0].until("CONNECT");
  await lines[1].until("CONNECT");
  await stage.available();
  const [shared, system] = first.headers.get("login") === "web" ? lines : ([lines[1], lines[0]] as const);
  return { stage, shared, system };
}

/** Subscribes clients to one destination, with the ids s0, s1 …; gives the id of the broker's subscription. */
export async function subscribeAll(
  shared: ScriptedLine,
  clients: readonly StompSession[],
  destination = "/topic/a",
): Promise<string> {
  for (const [i, client] of clients.entries()) {
    client.send("SUBSCRIBE", { id: `s${i}`, destination, receipt: "r" });
    expect((await client.frame()).command).to.equal("RECEIPT");
  }
  return (await shared.until("SUBSCRIBE")).headers.get("id")!;
}
