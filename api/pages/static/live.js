/* The live client under its former name: api/clients/javascript. */
export { createRealTimeSync as realTimeSync } from "./client/index.js";
