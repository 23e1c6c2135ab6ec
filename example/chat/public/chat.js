import { typedClient, watchPresence } from "express-stomp/client";
import { find } from "/public/elements.js";
import { stompClient } from "/public/stomp-client.js";
import { chatContract } from "../chat-contract.js";
import { People } from "./people.js";
import { Talk } from "./talk.js";

/** @import { Notice } from "../chat-contract.js" */

const { roomId = "", member = "", staff, texts: json = "{}" } = document.body.dataset;
/** @type {import("../texts.js").Texts} */
const texts = JSON.parse(json);

const connection = find("#connection", HTMLElement);
const composer = find("#composer", HTMLFormElement);
const input = find("#message", HTMLTextAreaElement);
const send = find("#send", HTMLButtonElement);
const notice = find("#notice", HTMLElement);
const again = find("#again", HTMLButtonElement);
const privately = find("#privately", HTMLElement);

const talk = new Talk(find("#messages", HTMLElement), { member, texts, reply: writeTo });
const people = new People(find("#present", HTMLElement), {
  member,
  isStaff: staff !== undefined,
  texts,
  write: writeTo,
  end: askForReason,
});

/**
 * Messages that were sent and not yet confirmed, by receipt: they are sent again after a reconnect.
 *
 * @type {Map<string, string>}
 */
const unconfirmed = new Map();
let entered = false;
/** Asks for what was said last, from the database. */
const older = {
  toAll: () => typed.request("/pub/chat/room/{roomId}", { roomId }),
  privately: () => typed.request("/pub/chat/private"),
};
/**
 * Those of which messages of before are missing here: at first both, and later when the server has not kept what was missed.
 *
 * @type {Set<keyof typeof older>}
 */
const lacking = new Set(["toAll", "privately"]);
/**
 * The member whom alone the next message is for.
 *
 * @type {string | undefined}
 */
let recipient;
/** Whether the staff has ended the session: then nothing connects again by itself. */
let ended = false;

const client = stompClient({
  endpoint: "/stomp/chat",
  csrf: "/stomp/csrf",
  user: member,

  onConnect() {
    // It comes behind the word whether messages were missed.
    client.watchForReceipt("let-in", letInIfWhole);
    client.subscribe("/user/queue/errors", ({ body }) => heed(JSON.parse(body)), { receipt: "let-in" });
    // The news are subscribed to already: nothing falls between the two, and what is in both is shown once.
    for (const which of lacking) loadOlder(which);

    if (!entered) typed.publish("/pub/chat/enter", { roomId }).catch(refused);
    entered = true;
  },

  onStompError({ headers }) {
    if (!ended) giveBack(headers["receipt-id"], put(texts.refused, { reason: headers.message ?? "" }));
  },

  onWebSocketClose() {
    people.show([]);
    if (ended) return;

    // The server's words stay until it lets the page in, so that they can be read.
    if (connection.dataset.state !== "notLetIn") show("reconnecting");
  },

  onRefused(reason) {
    show("notLetIn");
    say(put(texts.notLetInBecause, { reason }));
  },
});

const typed = typedClient(chatContract, client);
typed.subscribe("/user/queue/private", (message) => talk.add(message), {
  onReload: () => loadOlder("privately"),
});
// Before the room: that somebody subscribes to it is what is told here.
watchPresence(client, `/sub/chat/room/${roomId}`, ({ users }) =>
  people.show([...(users?.keys() ?? [])].sort()),
);
typed.subscribe("/sub/chat/room/{roomId}", { roomId }, (news) => talk.add(news), {
  onReload: () => loadOlder("toAll"),
});

/** @param {keyof typeof older} which */
function loadOlder(which) {
  lacking.add(which);
  older[which]().then((messages) => {
    lacking.delete(which);
    for (const message of messages) talk.add(message);
    letInIfWhole();
  }, refused);
}

/** The server says by ERROR that it has refused something, of which more is said there; after a reconnect it is asked again. */
function refused() {}

function letInIfWhole() {
  if (lacking.size > 0) return;
  if (connection.dataset.state === "notLetIn" || notice.textContent === texts.waitForConnection) say("");
  show("connected");
}

/**
 * Shows the state of the connection; without one, writing goes on but sending waits.
 *
 * @param {"connecting" | "connected" | "reconnecting" | "notLetIn" | "ended"} state
 */
function show(state) {
  connection.dataset.state = state;
  connection.textContent = texts[state];
  send.disabled = state !== "connected";
  again.hidden = state !== "ended";
}

/** @param {string} text */
function say(text) {
  notice.textContent = text;
  notice.hidden = text === "";
}

/**
 * Takes what the server tells this member alone: that something was refused, or that the session ends.
 *
 * @param {Notice} told
 */
function heed(told) {
  if (told.problem !== "ended") {
    const { problem, name, reason, receipt } = told;
    return giveBack(receipt, put(texts[problem], { name, reason }));
  }
  ended = true;
  void client.deactivate();
  show("ended");
  say(put(texts.endedBecause, { reason: told.reason }));
}

function submit() {
  if (send.disabled) {
    // Where more than time is needed to be connected, something is said already.
    if (["connecting", "reconnecting"].includes(connection.dataset.state ?? "")) say(texts.waitForConnection);
    return;
  }

  const message = input.value.trim();
  if (message === "") return say(texts.messageEmpty);
  if (message.length > texts.messageLimit) {
    return say(put(texts.messageTooLong, { length: `${message.length}` }));
  }

  const receipt = crypto.getRandomValues(new Uint32Array(4)).join("-");
  unconfirmed.set(receipt, message);
  const options = { retry: true, headers: { "dedup-id": receipt } };
  const published =
    recipient === undefined
      ? typed.publish("/pub/chat/message", { roomId, message }, options)
      : typed.publish("/pub/chat/private", { name: recipient, message }, options);
  published.then(
    () => unconfirmed.delete(receipt),
    // The server says by ERROR that it has refused something, of which more is said there.
    () => giveBack(receipt, notice.textContent || texts.notDelivered),
  );
  input.value = "";
  say("");
}

/**
 * Puts a message that did not get through back where it was written.
 *
 * @param {string | undefined} receipt
 * @param {string} reason
 */
function giveBack(receipt = "", reason) {
  const message = unconfirmed.get(receipt);
  unconfirmed.delete(receipt);
  if (message !== undefined) input.value = [message, input.value].filter(Boolean).join("\n");
  say(reason);
}

/**
 * From now on messages are for one person; without a name, for everyone.
 *
 * @param {string} [name]
 */
function writeTo(name) {
  recipient = name;
  privately.hidden = name === undefined;
  find("span", HTMLElement, privately).textContent =
    name === undefined ? "" : put(texts.privatelyTo, { name });
  input.focus();
}

/**
 * Lets the staff say why somebody's session ends.
 *
 * @param {string} name
 */
function askForReason(name) {
  const ending = find("#ending", HTMLDialogElement);
  const reason = find("[name=reason]", HTMLInputElement, ending);
  reason.value = "";
  ending.returnValue = "";
  find("h2", HTMLElement, ending).textContent = put(texts.endSessionOf, { name });
  ending.onclose = () => {
    if (ending.returnValue !== "end" || !client.connected) return;
    typed.publish("/pub/chat/staff/end", { name, reason: reason.value }).catch(refused);
  };
  ending.showModal();
}

/**
 * Puts values in the places of `{name}`.
 *
 * @param {string} text
 * @param {Record<string, string>} values
 */
function put(text, values) {
  return text.replace(/\{(\w+)\}/g, (_place, name) => values[name] ?? "");
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

input.addEventListener("keydown", (event) => {
  // While a Korean syllable is being composed, Enter completes it; some browsers say so only by code 229.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;

  event.preventDefault();
  submit();
});

input.addEventListener("input", () => say(""));

find("button", HTMLButtonElement, privately).addEventListener("click", () => writeTo(undefined));

again.addEventListener("click", () => {
  ended = false;
  say("");
  show("connecting");
  client.activate();
});

client.activate();
