export { type PrometheusObservation, type PrometheusOptions, prometheus } from "./prometheus.js";
