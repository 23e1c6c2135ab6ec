import { expect } from "chai";
import { PendingReceipt } from "#lib/session/pending-receipt.js";

describe("PendingReceipt", () => {
  it("is due at once if nobody puts it off", () => {
    expect(new PendingReceipt().confirmed).to.equal(undefined);
  });

  it("waits for all who put it off", async () => {
    const receipt = new PendingReceipt();
    const order: string[] = [];
    let confirm = () => {};
    receipt.waitFor(
      new Promise<void>((resolve) => {
        confirm = resolve;
      }).then(() => void order.push("first")),
    );
    receipt.waitFor(Promise.resolve().then(() => void order.push("second")));
    const done = receipt.confirmed?.then(() => order.push("done"));
    await Promise.resolve();
    confirm();
    await done;
    expect(order).to.deep.equal(["second", "first", "done"]);
  });

  it("fails with the first of them, and harms nobody who does not look", async () => {
    const receipt = new PendingReceipt();
    receipt.waitFor(Promise.reject(new Error("lost")));
    receipt.waitFor(Promise.reject(new Error("also lost")));
    const error = await receipt.confirmed?.catch((reason: Error) => reason.message);
    expect(error).to.equal("lost");
  });
});
