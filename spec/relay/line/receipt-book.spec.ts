import { expect } from "chai";
import { ReceiptBook } from "#lib/relay/line/receipt-book.js";

describe("ReceiptBook", () => {
  const outcome = (confirmed: Promise<void>) =>
    confirmed.then(
      () => "confirmed",
      (error: Error) => error.message,
    );

  it("holds an error that names no frame against the receipt that is left when all others have come", async () => {
    const book = new ReceiptBook();
    const [one, other] = [book.open(10), book.open(10)];
    book.failSome(new Error("nameless"), 10);
    book.confirm(one.id);

    expect(await outcome(one.confirmed)).to.equal("confirmed");
    expect(await outcome(other.confirmed)).to.equal("nameless");
  });

  it("holds it against none that is opened after all of those are overdue", async () => {
    const book = new ReceiptBook();
    const overdue = [book.open(10), book.open(10)].map(({ confirmed }) => outcome(confirmed));
    book.failSome(new Error("first"), 5);
    book.check(6, () => new Error("too late"));
    expect(await Promise.all(overdue)).to.deep.equal(["too late", "too late"]);

    const [one, other] = [book.open(20), book.open(20)];
    book.failSome(new Error("second"), 15);
    book.confirm(one.id);

    expect(await outcome(one.confirmed)).to.equal("confirmed");
    expect(await outcome(other.confirmed)).to.equal("second");
    expect(book.size).to.equal(0);
  });
});
