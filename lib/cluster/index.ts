export { type ClusterBackplaneOptions, clusterBackplane } from "./cluster-backplane.js";
export { type BackplanePrimary, type BackplanePrimaryOptions, backplanePrimary } from "./primary.js";
export { type StickySockJS, type StickySockJSOptions, stickySockJS } from "./sticky-primary.js";
export { listenBehindPrimary } from "./sticky-worker.js";
