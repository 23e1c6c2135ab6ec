import { Client, ReconnectionTimeMode } from "/vendor/stompjs/index.js";
import { Talk } from "./talk.js";

const { roomId, member } = document.body.dataset;
const texts = JSON.parse(document.body.dataset.texts);

const connection = document.getElementById("connection");
const composer = document.getElementById("composer");
const input = document.getElementById("message");
const send = document.getElementById("send");
const notice = document.getElementById("notice");

const talk = new Talk(document.getElementById("messages"), member, texts);

/** What was sent and not yet confirmed, by receipt. */
const unconfirmed = new Map();
let sent = 0;
let entered = false;

const client = new Client({
  webSocketFactory: () =>
    new SockJS("/stomp/chat", null, { transports: ["websocket", "xhr-streaming", "xhr-polling"] }),
  reconnectDelay: 500,
  maxReconnectDelay: 10_000,
  reconnectTimeMode: ReconnectionTimeMode.EXPONENTIAL,

  onConnect() {
    // First the news, then the history: nothing falls between the two, and what is in both is shown once.
    client.subscribe(`/sub/chat/room/${roomId}`, (frame) => talk.add(JSON.parse(frame.body)));
    client.subscribe(`/pub/chat/room/${roomId}`, (frame) => {
      for (const message of JSON.parse(frame.body)) talk.add(message);
      show("connected");
    });

    if (!entered) client.publish({ destination: "/pub/chat/enter", body: JSON.stringify({ roomId }) });
    entered = true;
  },

  onStompError(frame) {
    giveBack(
      frame.headers["receipt-id"],
      texts.refused.replace("{reason}", () => frame.headers.message),
    );
  },

  onWebSocketClose() {
    show("reconnecting");
    for (const receipt of unconfirmed.keys()) giveBack(receipt, texts.notDelivered);
    leaveIfLoggedOut();
  },
});

/** Shows the state of the connection; without one, writing goes on but sending waits. */
function show(state) {
  connection.dataset.state = state;
  connection.textContent = texts[state];
  send.disabled = state !== "connected";
}

function say(text) {
  notice.textContent = text;
  notice.hidden = text === "";
}

function submit() {
  if (send.disabled) return;

  const message = input.value.trim();
  if (message === "") return say(texts.messageEmpty);
  if (message.length > texts.messageLimit) {
    return say(texts.messageTooLong.replace("{length}", message.length));
  }

  const receipt = `message-${++sent}`;
  unconfirmed.set(receipt, message);
  client.watchForReceipt(receipt, () => unconfirmed.delete(receipt));
  client.publish({
    destination: "/pub/chat/message",
    headers: { receipt },
    body: JSON.stringify({ roomId, message }),
  });
  input.value = "";
  say("");
}

/** Puts a message that did not get through back where it was written. */
function giveBack(receipt, reason) {
  const message = unconfirmed.get(receipt);
  unconfirmed.delete(receipt);
  if (message !== undefined) input.value = [message, input.value].filter(Boolean).join("\n");
  say(reason);
}

/** When the login is over no connection will be let in: the page is asked for again, and leads to the login. */
async function leaveIfLoggedOut() {
  const answer = await fetch(location.href, { redirect: "manual" }).catch(() => undefined);
  if (answer?.type === "opaqueredirect") location.reload();
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

client.activate();
