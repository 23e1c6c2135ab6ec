import { DEMO_ACCOUNTS } from "../../../example/portfolio/demo-accounts.js";
import type { TradeAction } from "../../../example/portfolio/trade.js";
import { RawClient } from "../../support/raw-client.js";
import { PageVisitor } from "../shared/page-visitor.js";

export type AccountName = (typeof DEMO_ACCOUNTS)[number]["name"];

export interface ReadMessage {
  readonly destination: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server wrote as JSON
  readonly body: any;
}

export function passwordOf(name: AccountName): string {
  return DEMO_ACCOUNTS.find((account) => account.name === name)!.password;
}

/** Logs in by the form, and gives the cookie. */
export async function logIn(origin: string, name: AccountName): Promise<string> {
  const visitor = new PageVisitor(origin);
  const { status } = await visitor.logIn(name, passwordOf(name));
  if (status !== 303) throw new Error(`${name} was not let in: ${status}`);
  return visitor.cookie();
}

/** Logs out by the form on the page. */
export async function logOut(visitor: PageVisitor): Promise<void> {
  const { status } = await visitor.post("/logout", {}, "/");
  if (status !== 303) throw new Error(`The login did not end: ${status}`);
}

/** What CONNECT carries besides, as the page asks for it. */
export async function csrfOf(origin: string, cookie: string): Promise<Record<string, string>> {
  const answer = await fetch(`${origin}/portfolio/csrf`, { headers: { cookie } });
  const { headerName, token } = (await answer.json()) as { headerName: string; token: string };
  return { [headerName]: token };
}

/** Someone who hears of their own trades, over the wire. */
export class Investor {
  readonly client: RawClient;
  #subscriptions = 0;

  private constructor(client: RawClient) {
    this.client = client;
  }

  static async connect(port: number, cookie: string): Promise<Investor> {
    const options = { headers: { cookie } };
    const [csrf] = Object.entries(await csrfOf(`http://127.0.0.1:${port}`, cookie));
    const headers = `heart-beat:0,0\n${csrf?.join(":")}\n`;
    const investor = new Investor(await RawClient.connect(port, headers, "/portfolio", options));
    investor.subscribe("/user/queue/position-updates");
    investor.subscribe("/user/queue/errors");
    await investor.client.synchronize();
    return investor;
  }

  subscribe(destination: string): void {
    this.client.send(`SUBSCRIBE\nid:${++this.#subscriptions}\ndestination:${destination}\n\n^@`);
  }

  /** Subscribes to what is answered once, and gives the answer; what else comes before is passed over. */
  async ask(destination: string): Promise<ReadMessage["body"]> {
    this.subscribe(destination);
    let message = await this.next();
    while (message.destination !== destination) message = await this.next();
    return message.body;
  }

  trade(ticker: unknown, action: TradeAction | string, shares: unknown, headers = ""): void {
    const body = JSON.stringify({ ticker, action, shares });
    this.client.send(`SEND\ndestination:/app/trade\ncontent-type:application/json\n${headers}\n${body}^@`);
  }

  async next(): Promise<ReadMessage> {
    const frame = await this.client.frame();
    const [, destination] = /^MESSAGE\n(?:.*\n)*?destination:(.*)\n/.exec(frame) ?? [];
    if (destination === undefined) throw new Error(`no MESSAGE but ${frame}`);
    const body = frame.slice(frame.indexOf("\n\n") + 2, frame.lastIndexOf("^@"));
    return { destination, body: JSON.parse(body) };
  }
}
