import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api";
import { CONNECTION_DURATION, MEASURES, type ObservedMessaging } from "../index.js";

/** Exports all that `stats()` tells, and how long connections last. @returns ends that */
export function exportMeasures(messaging: ObservedMessaging, meter: Meter): () => void {
  const stops = [exportStats(messaging, meter), exportDurations(messaging, meter)];
  return () => {
    for (const stop of stops) stop();
  };
}

function exportDurations(messaging: ObservedMessaging, meter: Meter): () => void {
  const { name, unit, description, bounds } = CONNECTION_DURATION;
  const histogram = meter.createHistogram(`express_stomp.${name}`, {
    unit,
    description,
    advice: { explicitBucketBoundaries: [...bounds] },
  });
  return messaging.on("disconnect", (event) => {
    const { labels, seconds } = CONNECTION_DURATION.read(event);
    const pairs = Object.entries(labels).map(([label, value]) => [`express_stomp.${label}`, value]);
    histogram.record(seconds, Object.fromEntries(pairs));
  });
}

/** Makes an observable instrument for each measure; all are read from the same stats. */
function exportStats(messaging: ObservedMessaging, meter: Meter): () => void {
  const instruments = MEASURES.map((measure) => {
    const { name, kind, unit, description } = measure;
    const options = { unit, description };
    const observable: Observable =
      kind === "counter"
        ? meter.createObservableCounter(`express_stomp.${name}`, options)
        : meter.createObservableUpDownCounter(`express_stomp.${name}`, options);
    return { measure, observable };
  });
  const observables = instruments.map(({ observable }) => observable);
  const read: BatchObservableCallback = (result) => {
    const stats = messaging.stats();
    for (const { measure, observable } of instruments) {
      const value = measure.read(stats);
      if (typeof value === "number") result.observe(observable, value);
      else {
        for (const [key, each] of Object.entries(value ?? {}))
          result.observe(observable, each, { [`express_stomp.${measure.label}`]: key });
      }
    }
  };
  meter.addBatchObservableCallback(read, observables);
  return () => meter.removeBatchObservableCallback(read, observables);
}
