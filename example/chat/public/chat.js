import { stompClient } from "/public/stomp-client.js";
import { resuming, watchPresence } from "/vendor/express-stomp/client/index.js";
import { People } from "./people.js";
import { Talk } from "./talk.js";

const { roomId, member, staff } = document.body.dataset;
const texts = JSON.parse(document.body.dataset.texts);

const connection = document.getElementById("connection");
const composer = document.getElementById("composer");
const input = document.getElementById("message");
const send = document.getElementById("send");
const notice = document.getElementById("notice");
const again = document.getElementById("again");
const privately = document.getElementById("privately");
const ending = document.getElementById("ending");

const talk = new Talk(document.getElementById("messages"), { member, texts, reply: writeTo });
const people = new People(document.getElementById("present"), {
  member,
  isStaff: staff !== undefined,
  texts,
  write: writeTo,
  end: askForReason,
});

/** Messages that were sent and not yet confirmed, by receipt: they are sent again after a reconnect. */
const unconfirmed = new Map();
let entered = false;
/** Tells that messages of before are missing here: at first, and when the server has not kept what was missed. */
let lacksOlder = true;
/** The member whom alone the next message is for. */
let recipient;
/** Whether the staff has ended the session: then nothing connects again by itself. */
let ended = false;

const client = stompClient({
  endpoint: "/stomp/chat",
  csrf: "/stomp/csrf",
  user: member,

  onConnect() {
    // It comes behind the word whether messages were missed.
    client.watchForReceipt("let-in", () => lacksOlder || letIn());
    const heedError = (frame) => heed(JSON.parse(frame.body));
    client.subscribe("/user/queue/errors", heedError, { receipt: "let-in" });
    // The news are subscribed to already: nothing falls between the two, and what is in both is shown once.
    if (lacksOlder) loadOlder();

    if (!entered) client.publish({ destination: "/pub/chat/enter", body: JSON.stringify({ roomId }) });
    entered = true;
  },

  onStompError({ headers }) {
    if (!ended) giveBack(headers["receipt-id"], put(texts.refused, { reason: headers.message }));
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

const live = resuming(client);
const take = (frame) => talk.add(JSON.parse(frame.body));
live.subscribe("/user/queue/private", take);
// Before the room: that somebody subscribes to it is what is told here.
watchPresence(client, `/sub/chat/room/${roomId}`, ({ users }) =>
  people.show([...(users?.keys() ?? [])].sort()),
);
live.subscribe(`/sub/chat/room/${roomId}`, take, { onReload: loadOlder });

/** Asks for what was said last, from the database. */
function loadOlder() {
  lacksOlder = true;
  client.subscribe(`/pub/chat/room/${roomId}`, (frame) => {
    lacksOlder = false;
    for (const message of JSON.parse(frame.body)) talk.add(message);
    letIn();
  });
}

function letIn() {
  if (connection.dataset.state === "notLetIn" || notice.textContent === texts.waitForConnection) say("");
  show("connected");
}

/** Shows the state of the connection; without one, writing goes on but sending waits. */
function show(state) {
  connection.dataset.state = state;
  connection.textContent = texts[state];
  send.disabled = state !== "connected";
  again.hidden = state !== "ended";
}

function say(text) {
  notice.textContent = text;
  notice.hidden = text === "";
}

/** Takes what the server tells this member alone: that something was refused, or that the session ends. */
function heed({ problem, reason, name, receipt }) {
  if (problem !== "ended") {
    return giveBack(
      receipt,
      problem === "absent" ? put(texts.absent, { name }) : put(texts.refused, { reason }),
    );
  }
  ended = true;
  client.deactivate();
  show("ended");
  say(put(texts.endedBecause, { reason }));
}

function submit() {
  if (send.disabled) {
    // Where more than time is needed to be connected, something is said already.
    if (["connecting", "reconnecting"].includes(connection.dataset.state)) say(texts.waitForConnection);
    return;
  }

  const message = input.value.trim();
  if (message === "") return say(texts.messageEmpty);
  if (message.length > texts.messageLimit) {
    return say(texts.messageTooLong.replace("{length}", message.length));
  }

  const receipt = crypto.getRandomValues(new Uint32Array(4)).join("-");
  unconfirmed.set(receipt, message);
  const publication = {
    destination: recipient === undefined ? "/pub/chat/message" : "/pub/chat/private",
    headers: { "dedup-id": receipt },
    body: JSON.stringify(recipient === undefined ? { roomId, message } : { name: recipient, message }),
  };
  live.publish(publication, { retry: true }).then(
    () => unconfirmed.delete(receipt),
    // The server says by ERROR that it has refused something, of which more is said there.
    () => giveBack(receipt, notice.textContent || texts.notDelivered),
  );
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

/** From now on messages are for one person; without a name, for everyone. */
function writeTo(name) {
  recipient = name;
  privately.hidden = name === undefined;
  privately.firstElementChild.textContent = name === undefined ? "" : put(texts.privatelyTo, { name });
  input.focus();
}

/** Lets the staff say why somebody's session ends. */
function askForReason(name) {
  const reason = ending.querySelector("[name=reason]");
  reason.value = "";
  ending.returnValue = "";
  ending.querySelector("h2").textContent = put(texts.endSessionOf, { name });
  ending.onclose = () => {
    if (ending.returnValue !== "end" || !client.connected) return;
    const body = JSON.stringify({ name, reason: reason.value });
    client.publish({ destination: "/pub/chat/staff/end", body });
  };
  ending.showModal();
}

/** Puts values in the places of `{name}`. */
function put(text, values) {
  return text.replace(/\{(\w+)\}/g, (_place, name) => values[name]);
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

privately.querySelector("button").addEventListener("click", () => writeTo(undefined));

again.addEventListener("click", () => {
  ended = false;
  say("");
  show("connecting");
  client.activate();
});

client.activate();
