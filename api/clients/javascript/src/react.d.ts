import type { RealTimeSync, RealTimeSyncOptions } from "./index.js";

export type UseRealTimeSyncOptions =
  Pick<RealTimeSyncOptions, "organizationId" | "autoConnect" | "url" | "getTicket" | "apiKey">;

export type UseRealTimeSync = Pick<
  RealTimeSync,
  | "isConnected" | "syncStatus" | "events" | "conflicts"
  | "connect" | "disconnect" | "forceSync" | "resolveConflict"
>;

/** Live state and what can be done about it, for as long as the component is shown. */
export function useRealTimeSync(options?: UseRealTimeSyncOptions): UseRealTimeSync;
