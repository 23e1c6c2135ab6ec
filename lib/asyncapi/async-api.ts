import {
  ConfigurationError,
  type MessagingDescription,
  type Principal,
  type StompMessaging,
} from "../index.js";
import { collect } from "./collect.js";
import type { AsyncApiDocument } from "./document.js";
import { askedFor, type Model, type ReceiveModel, type SendModel } from "./model.js";
import { type AsyncApiInfo, checkInfo } from "./options.js";
import { type Rendered, render } from "./render.js";
import type { Selection } from "./selection.js";

/** The document of an application, and those of its users. Made by `asyncApi`. */
export class AsyncApi {
  readonly #description: MessagingDescription;
  readonly #info: AsyncApiInfo;
  readonly #model: Model;
  readonly #rendered: Rendered;

  /** @internal */
  constructor(description: MessagingDescription, info: AsyncApiInfo, model: Model, selection: Selection) {
    this.#description = description;
    this.#info = info;
    this.#model = model;
    this.#rendered = render(selection, description, info);
  }

  get document(): AsyncApiDocument {
    return this.#rendered.document;
  }

  /** Sentences about what the document does not say, or not all of. */
  get warnings(): readonly string[] {
    return this.#rendered.warnings;
  }

  /**
   * Gives a document of what a user, or a stranger, may do by the rules of `security` and by `@Authorize`: of patterns, what
   * they may do for some destination. It has no rules in it, and nothing of what the user may not.
   *
   * @throws whatever `authoritiesOf` of the rules throws (rejects with it)
   * @example
   * ```ts
   * const messaging = stompMessaging({ endpoints: [{ path: "/ws" }] });
   * const { document } = await asyncApi(messaging, { title: "Chat", version: "1.0.0" }).forUser({ name: "rod" });
   * ```
   */
  async forUser(user: Principal | undefined | null): Promise<AsyncApi> {
    const depending = new Set<ReceiveModel | SendModel>();
    const mayConnect = (await this.#description.foresee(user, { type: "CONNECT" })) !== "no";
    const allowed = async <O extends ReceiveModel | SendModel>(operations: Iterable<O>): Promise<O[]> => {
      const found: O[] = [];
      for (const operation of mayConnect ? operations : []) {
        const may = await this.#description.foresee(user, askedFor(operation));
        if (may === "depends") depending.add(operation);
        if (may !== "no") found.push(operation);
      }
      return found;
    };
    const receives = await allowed(this.#model.receives);
    const sends = await allowed(this.#model.sends.values());
    return new AsyncApi(this.#description, this.#info, this.#model, { receives, sends, depending });
  }

  /** Gives the document, for `JSON.stringify` and `response.json`. */
  toJSON(): AsyncApiDocument {
    return this.document;
  }
}

/**
 * Makes an AsyncAPI 3.1 document of what decorators, schemas, contract, rules and options say: servers, channels, operations,
 * replies, headers and errors. Payloads are described where their schemas have Standard JSON Schema, as those of zod and arktype
 * do; `warnings` tells of the others.
 *
 * It names every destination, those of administrators too: who may read it is the application's affair.
 *
 * @throws ConfigurationError when the info makes no sense, or says what the contract does
 * @example
 * ```ts
 * const messaging = stompMessaging({ endpoints: [{ path: "/ws" }] });
 * const api = asyncApi(messaging, { title: "Chat", version: "1.4.0", host: "chat.example" });
 * console.log(JSON.stringify(api, null, 2), api.warnings);
 * ```
 */
export function asyncApi(messaging: Pick<StompMessaging, "description">, info: AsyncApiInfo): AsyncApi {
  if (typeof messaging?.description !== "object") {
    throw new ConfigurationError(
      "asyncApi takes what stompMessaging returned, and then what only you know: asyncApi(messaging, { title, version })",
    );
  }
  checkInfo(info);
  const { description } = messaging;
  const model = collect(description, info);
  return new AsyncApi(description, info, model, {
    receives: model.receives,
    sends: [...model.sends.values()],
  });
}
