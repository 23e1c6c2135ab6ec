import { expect } from "chai";
import { connected, cook, hear } from "./kitchen.js";

describe("The recipe", () => {
  let close: (() => Promise<void>) | undefined;

  afterEach(async () => {
    await close?.();
    close = undefined;
  });

  it("binary: brings bytes through as they are, longer ones than 64 KiB too", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/binary.js"));
    close = kitchen.close;
    const client = kitchen.client();
    await connected(client);
    const pictures = await hear(client, "/topic/pictures");
    const binaryBody = Uint8Array.from({ length: 200_000 }, (_, i) => i % 256);
    client.publish({
      destination: "/app/pictures/cat",
      binaryBody,
      headers: { "content-type": "image/png" },
    });

    const { binaryBody: bytes, headers } = await pictures.next();
    expect(Buffer.from(bytes).equals(binaryBody)).to.equal(true);
    expect(headers).to.include({ "content-type": "image/png", "picture-name": "cat" });
    client.publish({ destination: "/app/pictures/none", binaryBody: new Uint8Array([0, 255]) });
    const { binaryBody: few, headers: plain } = await pictures.next();
    expect([...few]).to.deep.equal([0, 255]);
    expect(plain["content-type"]).to.equal("application/octet-stream");
  });

  it("selectors: sends a subscriber what it has chosen", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/selectors.js"));
    close = kitchen.close;
    const client = kitchen.client();
    await connected(client);
    const dear = await hear(client, "/topic/trades", {
      selector: "market IN ('KOSPI', 'NYSE') AND price > 100",
    });
    for (const [ticker, market, price] of [
      ["A", "KOSPI", 100],
      ["B", "KOSPI", 101],
      ["C", "LSE", 500],
      ["D", "NYSE", 1000],
    ]) {
      const body = JSON.stringify({ ticker, market, price });
      const headers = { "content-type": "application/json" };
      const url = `http://127.0.0.1:${kitchen.port}/trades`;
      expect((await fetch(url, { method: "POST", headers, body })).status).to.equal(202);
    }
    expect(await dear.json()).to.include({ ticker: "B" });
    expect(await dear.json()).to.include({ ticker: "D" });
  });

  it("validation: calls the method with what is valid, and tells the sender what is not", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/validation.js"));
    close = kitchen.close;
    const client = kitchen.client();
    await connected(client);
    const orders = await hear(client, "/topic/orders");
    const errors = await hear(client, "/user/queue/errors");
    client.publish({ destination: "/app/orders", body: JSON.stringify({ item: "tea", count: 0 }) });
    client.publish({ destination: "/app/orders", body: JSON.stringify({ item: " tea ", count: 2 }) });

    const issues = (await errors.json()) as { path: string[]; message: string }[];
    expect(issues.map(({ path }) => path)).to.deep.equal([["count"]]);
    expect((await orders.next()).body).to.equal("2 × tea");
  });

  it("errors-to-sender: tells what was refused, and of its own faults only a number", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/errors-to-sender.js"));
    close = kitchen.close;
    const client = kitchen.client();
    await connected(client);
    const errors = await hear(client, "/user/queue/errors");
    for (const body of ["tea", "coffee"]) client.publish({ destination: "/app/orders", body, headers: TEXT });

    expect(await errors.json()).to.deep.equal({
      destination: "/app/orders",
      problem: "There is no tea left",
    });
    const { id, problem } = (await errors.json()) as { id: string; problem: string };
    expect(problem).to.equal("Something went wrong on our side");
    expect(kitchen.log).to.deep.equal([`fault ${id}: cannot read properties of undefined`]);
    expect(client.connected).to.equal(true);
  });

  it("streaming-reply: sends an answer in pieces, and stops when its reader leaves", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/streaming-reply.js"), {
      TOKEN_MS: "5",
    });
    close = kitchen.close;
    const client = kitchen.client();
    await connected(client);
    const answer = await hear(client, "/app/answers/why");
    for (const token of ["You", "asked:", "why"]) expect(await answer.json()).to.deep.equal({ token });
    expect(await answer.json()).to.deep.equal({ done: true });

    const question = "no ".repeat(300).trim();
    const heard = new Promise<void>((resolve) => {
      const subscription = client.subscribe(`/app/answers/${question}`, () => {
        subscription.unsubscribe();
        resolve();
      });
    });
    await heard;
    // Its receipt comes when UNSUBSCRIBE has been handled.
    await hear(client, "/topic/behind-unsubscribe");
    expect(kitchen.log).to.deep.equal([`nobody reads the answer to: ${question}`]);
  });

  it("lasting-answer: goes on without who asked, and is read whole by the page that comes back and a second tab", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/lasting-answer.js"), {
      TOKEN_MS: "20",
    });
    close = kitchen.close;
    const { readAnswer } = kitchen.recipe;
    const question = "why is the sky as blue as it is";
    const page = kitchen.client();
    await connected(page);
    page.publish({ destination: "/app/answers/7", body: question });
    await new Promise<void>((resolve) => void readAnswer(page, "7", () => resolve()));
    await page.deactivate({ force: true });

    const read = await Promise.all(
      [kitchen.client(), kitchen.client()].map(async (client) => {
        const written: string[] = [];
        client.activate();
        const end = await readAnswer(client, "7", (token) => written.push(token));
        return `${written.join(" ")}: ${end}`;
      }),
    );
    expect(read).to.deep.equal(Array(2).fill(`You asked: ${question}: end`));
  });

  it("request-reply: answers each question, and gives one up that is not answered", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/request-reply.js"));
    close = kitchen.close;
    const client = kitchen.client();
    await connected(client);
    const ask = kitchen.recipe.requester(client);
    const answers = await Promise.all(["A", "BC", "DEF"].map((ticker) => ask("/app/price", ticker)));
    expect(answers).to.deep.equal([
      { ticker: "A", price: 101 },
      { ticker: "BC", price: 102 },
      { ticker: "DEF", price: 103 },
    ]);
    const askInVain = kitchen.recipe.requester(client, 50);
    const failed = await askInVain("/app/never", "why").catch((error: Error) => error.message);
    expect(failed).to.equal("/app/never has not answered");
  });

  it("several-tabs: reaches all tabs of one user, one of them, and nobody else", async () => {
    const kitchen = await cook(() => import("../../../example/recipes/several-tabs.js"));
    close = kitchen.close;
    const { port } = kitchen;
    const [one, two, other] = ["rod", "rod", "mina"].map((name) => kitchen.client(`?user=${name}`));
    const id = await connected(one!);
    await Promise.all([connected(two!), connected(other!)]);
    const [first, second, third] = await Promise.all(
      [one!, two!, other!].map((client) => hear(client, "/user/queue/notes")),
    );

    one!.publish({ destination: "/app/notes", body: "milk", headers: TEXT });
    expect(await Promise.all([first!.json(), second!.json()])).to.deep.equal([
      { saved: "milk" },
      { saved: "milk" },
    ]);
    one!.publish({ destination: "/app/preview", body: "draft", headers: TEXT });
    expect(await first!.json()).to.deep.equal({ preview: "draft" });

    const post = { method: "POST", body: "ready", headers: TEXT };
    const told = await fetch(`http://127.0.0.1:${port}/notify/rod`, post);
    expect(await told.json()).to.deep.equal({ tabs: 2 });
    expect(await Promise.all([first!.json(), second!.json()])).to.deep.equal([
      { notice: "ready" },
      { notice: "ready" },
    ]);
    await fetch(`http://127.0.0.1:${port}/notify/rod/${id}`, post);
    expect(await first!.json()).to.deep.equal({ notice: "ready" });
    expect((await fetch(`http://127.0.0.1:${port}/notify/nobody`, post)).status).to.equal(404);

    // A note to the wrong tab would have come before this.
    await fetch(`http://127.0.0.1:${port}/notify/mina`, { ...post, body: "last" });
    expect(await third!.json()).to.deep.equal({ notice: "last" });
    await fetch(`http://127.0.0.1:${port}/notify/rod`, { ...post, body: "last" });
    expect(await second!.json()).to.deep.equal({ notice: "last" });
  });
});

const TEXT = { "content-type": "text/plain" };
