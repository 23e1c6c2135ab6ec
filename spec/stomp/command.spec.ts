import { expect } from "chai";
import { COMMANDS } from "#lib/stomp/command.js";

describe("COMMANDS", () => {
  const those = (matches: (rule: { from: string; body: boolean; escaped: boolean }) => boolean) =>
    [...COMMANDS.values()].filter(matches).map((rule) => rule.command);

  it("allows a body on SEND, MESSAGE and ERROR only", () => {
    expect(those((rule) => rule.body)).to.have.members(["SEND", "MESSAGE", "ERROR"]);
  });

  it("escapes all but CONNECT, STOMP and CONNECTED", () => {
    expect(those((rule) => !rule.escaped)).to.have.members(["CONNECT", "STOMP", "CONNECTED"]);
  });

  it("knows what servers send, and that clients send all else", () => {
    expect(those((rule) => rule.from === "server")).to.have.members([
      "CONNECTED",
      "MESSAGE",
      "RECEIPT",
      "ERROR",
    ]);
    expect(those((rule) => rule.from === "client")).to.have.length(11);
  });
});
