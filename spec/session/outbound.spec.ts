import { expect } from "chai";
import { createMessage, SubscribableChannel } from "express-stomp";
import { Pace } from "#lib/channel/pace.js";
import { MessageEncoder } from "#lib/session/message-encoder.js";
import { Outbound } from "#lib/session/outbound.js";
import type { SessionContext } from "#lib/session/session-context.js";
import { SessionStats } from "#lib/session/session-stats.js";
import type { SharedMessage } from "#lib/socket/shared-message.js";
import type { Socket } from "#lib/socket/socket.js";
import { recordingLogger } from "../support/recording.js";

const LIMIT = 10_000;

/** Its client takes nothing, until `waiting` is set; on the way a message becomes twice as long. */
class StoppedSocket implements Socket {
  readonly transport = "websocket";
  waiting = 0;
  /** How often somebody wanted to know. */
  asked = 0;
  watchBuffer(): number {
    this.asked++;
    return this.waiting;
  }

  send(data: Uint8Array): void {
    this.waiting += 2 * data.length;
  }

  pause(): void {}
  resume(): void {}
  close(): void {}
  terminate(): void {}
  listen(): void {}
}

class StoppedSharingSocket extends StoppedSocket {
  override send({ length }: { length: number }): void {
    this.waiting += length + 4;
  }

  sendShared(message: SharedMessage): void {
    this.send(message);
  }
}

function outbound(socket: Socket): Outbound {
  const limits = { sendBufferSizeLimit: LIMIT, overflowStrategy: "terminate" };
  const context = {
    clientOutboundChannel: new SubscribableChannel("clientOutboundChannel", { logger: recordingLogger() }),
    pace: new Pace(),
    encoder: new MessageEncoder(),
    limits,
    stats: new SessionStats(),
    taps: { isOn: false },
  };
  return new Outbound(socket, context as unknown as SessionContext, {
    id: "s",
    user: undefined,
    address: "",
  });
}

const publication = createMessage(Buffer.alloc(100), { destination: "/topic/a", subscriptionId: "s" });

describe("Outbound", () => {
  for (const StoppedLine of [StoppedSharingSocket, StoppedSocket]) {
    describe(`with a ${StoppedLine.name}`, () => {
      it("has room until more waits than may, whatever is sent", () => {
        const socket = new StoppedLine();
        const client = outbound(socket);
        for (let i = 0; client.takeRoom() && i < 1000; i++)
          i % 2 === 0 ? client.message(publication) : client.receipt("r");

        expect(socket.waiting)
          .to.be.above(LIMIT)
          .and.below(LIMIT + 1000);
        expect(client.checkOverflow()).to.equal(true);
      });

      it("has room again when the client has read", () => {
        const socket = new StoppedLine();
        const client = outbound(socket);
        for (let i = 0; client.takeRoom() && i < 1000; i++) client.message(publication);
        expect(client.takeRoom()).to.equal(false);
        socket.waiting = 0;

        expect(client.takeRoom()).to.equal(true);
      });
    });
  }

  it("asks its socket once for each quarter of the limit's bytes while the client reads", () => {
    const socket = new StoppedSharingSocket();
    const client = outbound(socket);
    for (let i = 0; i < 1000; i++) {
      expect(client.takeRoom()).to.equal(true);
      client.message(publication);
      socket.waiting = 0;
    }

    expect(socket.asked).to.be.within(1, Math.ceil((1000 * 300) / (LIMIT / 4)));
  });
});
