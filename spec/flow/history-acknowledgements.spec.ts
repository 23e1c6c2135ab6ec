import { expect } from "chai";
import { HistoryStage, idOf, ROOM, ROOMS, told } from "../support/history-stage.js";

describe("A client with a history, that acknowledges", () => {
  const stage = new HistoryStage();
  const { start, connect, publish, heard, position } = stage;

  afterEach(() => stage.close());

  for (const version of ["1.0", "1.1", "1.2"]) {
    for (const ack of ["client", "client-individual"]) {
      it(`lets a STOMP ${version} client with ack:${ack} acknowledge all it is given, one at a time`, async () => {
        await start();
        const from = await position();
        const bodies = ["a", "b", "c"];
        for (const body of bodies) await publish(body);
        const session = await connect(version);
        session.send("SUBSCRIBE", { id: "1", destination: ROOM, since: from, ack, "prefetch-count": 1 });
        let frames = await session.messages();
        // The marker takes no place in the window: a client that knows of it need not acknowledge it.
        expect(frames.map(told)).to.deep.equal(["true 3", "↩a"]);
        const seen: string[] = [];
        while (frames.length > 0) {
          for (const { headers } of frames) {
            const acknowledged =
              version === "1.2"
                ? { id: headers.get("ack") ?? "" }
                : {
                    "message-id": headers.get("message-id") ?? "",
                    ...(version === "1.1" && { subscription: "1" }),
                  };
            session.send("ACK", acknowledged);
          }
          seen.push(...frames.map(told));
          frames = await session.messages();
        }
        expect(seen).to.deep.equal(["true 3", "↩a", "↩b", "↩c"]);
        await publish("d");
        expect(await heard(session)).to.deep.equal(["d"]);
      });
    }
  }

  it("lets a client leave markers unacknowledged for ever, and bounds what is remembered of them", async () => {
    await start({ unacknowledgedLimit: 10 });
    const session = await connect();
    for (let i = 0; i < 50; i++) {
      session.send("SUBSCRIBE", { id: `${i}`, destination: ROOM, since: "now", ack: "client" });
      session.send("UNSUBSCRIBE", { id: `${i}` });
    }
    expect(await session.messages()).to.have.length(50);
  });

  it("holds what is not acknowledged back, and gives what came meanwhile behind it", async () => {
    await start();
    const from = await position();
    for (const body of ["a", "b"]) await publish(body);
    const session = await connect();
    session.send("SUBSCRIBE", {
      id: "1",
      destination: ROOM,
      since: from,
      ack: "client",
      "prefetch-count": 1,
    });
    const [, a] = await session.messages();
    await publish("c");
    session.send("ACK", { id: a?.headers.get("ack") ?? "" });
    const [b] = await session.messages();
    session.send("ACK", { id: b?.headers.get("ack") ?? "" });
    expect([b, ...(await session.messages())].map((frame) => told(frame!))).to.deep.equal(["↩b", "c"]);
  });

  it("ends with a second marker when what is not acknowledged makes it fall behind what is kept", async () => {
    await start({ history: { ...ROOMS, size: 2 } });
    const from = await position();
    for (const body of ["a", "b"]) await publish(body);
    const session = await connect();
    session.send("SUBSCRIBE", {
      id: "1",
      destination: ROOM,
      since: from,
      ack: "client",
      "prefetch-count": 1,
    });
    const [, a] = await session.messages();
    for (const body of ["c", "d", "e"]) await publish(body);
    session.send("ACK", { id: a?.headers.get("ack") ?? "" });
    const [marker, ...others] = await session.messages();
    expect([told(marker!), others]).to.deep.equal(["false 0", []]);
    expect(idOf(marker)).to.equal(await position());
    expect(stage.events.map(({ reason }) => reason)).to.deep.equal([undefined, "trimmed"]);
    await publish("f");
    expect(await heard(session)).to.deep.equal(["f"]);
  });
});
