import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api";
import { MEASURES, type ObservedMessaging } from "../index.js";

/** Makes an observable instrument for each measure; all are read from the same stats. @returns takes them out again */
export function exportMeasures(messaging: ObservedMessaging, meter: Meter): () => void {
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
