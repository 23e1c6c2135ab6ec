import { expect } from "chai";
import { createMessage } from "express-stomp";
import { systemClock } from "#lib/clock/clock.js";
import { Delivery } from "#lib/message/delivery.js";
import { FrameTaps } from "#lib/observe/frame-taps.js";
import type { TappedFrame } from "#lib/observe/views.js";
import { recordingLogger } from "../support/recording.js";

describe("FrameTaps", () => {
  const session = { id: "s", user: undefined };
  const tapsOf = () => new FrameTaps({ clock: systemClock, logger: recordingLogger(), separator: "/" });

  it("are on while somebody looks, and not a moment longer", () => {
    const taps = tapsOf();
    expect(taps.isOn).to.equal(false);
    const ends = [taps.add({ sessionId: "s" }, () => {}), taps.add({ destination: "/topic/a" }, () => {})];
    expect(taps.isOn).to.equal(true);
    ends[0]!();
    expect(taps.isOn).to.equal(true);
    ends[1]!();
    expect(taps.isOn).to.equal(false);
  });

  it("tell one publication once, though interceptors let several fan-outs mix", () => {
    const taps = tapsOf();
    const frames: TappedFrame[] = [];
    taps.add({ destination: "/topic/a" }, (frame) => frames.push(frame));
    const publications = ["1", "2"].map((id) =>
      createMessage(Buffer.from(id), { destination: "/topic/a", messageId: id }),
    );
    for (const sessionId of ["s", "t", "u"]) {
      for (const publication of publications) {
        taps.given(session, new Delivery(publication, { sessionId, id: "1", gone: false }));
      }
    }
    expect(frames.map(({ body }) => Buffer.from(body).toString())).to.deep.equal(["1", "2"]);
  });

  it("make nothing of a frame that nobody wants to see", () => {
    const taps = tapsOf();
    taps.add({ sessionId: "another" }, () => {});
    const publication = createMessage(Buffer.from("x"), { destination: "/topic/a" });
    const delivery = new Delivery(publication, { sessionId: "s", id: "1", gone: false });
    // Headers of its own are made when somebody asks for them.
    Object.defineProperty(delivery, "headers", {
      get: () => {
        throw new Error("somebody has asked");
      },
    });
    taps.given(session, delivery);
  });
});
