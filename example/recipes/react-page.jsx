// The page of react-page.ts: a hook over stompjs that survives StrictMode, rendering and reconnects.
import { Client } from "@stomp/stompjs";
import { resuming } from "express-stomp/client";
import { StrictMode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";

/** One connection for the whole page, outside of React: components come and go, and it stays. */
const client = new Client({ brokerURL: `${location.origin.replace("http", "ws")}/ws`, reconnectDelay: 500 });
const watchers = new Set();
client.onConnect = client.onWebSocketClose = () => watchers.forEach((tell) => void tell());
const live = resuming(client);
client.activate();

function useConnected() {
  return useSyncExternalStore(watch, () => client.connected);
}
const watch = (tell) => watchers.add(tell) && (() => watchers.delete(tell));

/** Calls `take` with each message, those missed over a reconnect too; or `reload`, if they are gone. StrictMode makes it twice. */
function useSubscription(destination, take, reload) {
  const latest = useRef({});
  useEffect(() => {
    latest.current = { take, reload };
  });
  useEffect(() => {
    const subscription = live.subscribe(destination, ({ body }) => latest.current.take(JSON.parse(body)), {
      onReload: () => latest.current.reload?.(),
    });
    return () => subscription.unsubscribe(true); // the next one goes on where this one stood
  }, [destination]);
}

function Chat() {
  const connected = useConnected();
  const [messages, setMessages] = useState([]);
  useSubscription("/topic/chat", ({ text }) =>
    setMessages((before) => [...before, <li key={before.length}>{text}</li>]),
  );

  function send(form) {
    client.publish({ destination: "/app/say", body: JSON.stringify({ text: form.get("text") }) });
  }
  return (
    <main>
      <p role="status">{connected ? "Connected" : "Connecting …"}</p>
      <form action={send}>
        <input name="text" aria-label="Message" required />
        <input type="submit" value="Send" disabled={!connected} />
      </form>
      <ol>{messages}</ol>
    </main>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Chat />
  </StrictMode>,
);
