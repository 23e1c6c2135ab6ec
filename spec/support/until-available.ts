import type { StompMessaging } from "express-stomp";

/** Waits until the broker is, or is not, available. */
export async function untilAvailable(messaging: StompMessaging, isAvailable = true): Promise<void> {
  if (messaging.isBrokerAvailable() === isAvailable) return;
  await new Promise<void>((resolve) => {
    const off = messaging.on("brokerAvailability", (event) => {
      if (event.isAvailable !== isAvailable) return;
      off();
      resolve();
    });
  });
}
