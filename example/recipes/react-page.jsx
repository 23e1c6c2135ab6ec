// The page of react-page.ts: a hook over stompjs that survives StrictMode, rendering and reconnects.
import { Client } from "@stomp/stompjs";
import { StrictMode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";

/** One connection for the whole page, outside of React: components come and go, and it stays. */
const client = new Client({ brokerURL: `${location.origin.replace("http", "ws")}/ws`, reconnectDelay: 500 });
const watchers = new Set();
client.onConnect = client.onWebSocketClose = () => watchers.forEach((tell) => void tell());
client.activate();

function useConnected() {
  return useSyncExternalStore(watch, () => client.connected);
}
function watch(tell) {
  watchers.add(tell);
  return () => watchers.delete(tell);
}

/** Calls `take` with each message, as JSON: the one of the last rendering, without subscribing again for it. */
function useSubscription(destination, take) {
  const connected = useConnected();
  const latest = useRef(take);
  useEffect(() => {
    latest.current = take;
  });
  useEffect(() => {
    if (!connected) return;
    const subscription = client.subscribe(destination, ({ body }) => latest.current(JSON.parse(body)));
    return () => client.connected && subscription.unsubscribe();
  }, [connected, destination]);
}

function Chat() {
  const connected = useConnected();
  const [messages, setMessages] = useState([]);
  useSubscription("/topic/chat", ({ text }) =>
    setMessages([...messages, <li key={messages.length}>{text}</li>]),
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
