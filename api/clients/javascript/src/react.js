/* The hook for React 18 and later. A component that needs more than the eight names makes its own
   client with `createRealTimeSync`. */
import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { createRealTimeSync } from "./index.js";

/**
 * Live state and what can be done about it. Connects when the component is shown (unless
 * `autoConnect` is false) and disconnects when it goes. `url`, `getTicket` and `apiKey` are those
 * of `createRealTimeSync`; functions that are given anew at each rendering do no harm.
 */
export function useRealTimeSync({
  organizationId = "", autoConnect = true, url, getTicket, apiKey,
} = {}) {
  const latest = useMemo(() => ({}), []);
  useEffect(() => {
    Object.assign(latest, { getTicket, apiKey });
  });
  const own = Boolean(getTicket);
  const sync = useMemo(() => createRealTimeSync({
    organizationId, url, autoConnect: false,
    getTicket: own ? () => latest.getTicket() : undefined,
    apiKey: () => (typeof latest.apiKey === "function" ? latest.apiKey() : latest.apiKey),
  }), [latest, organizationId, url, own]);

  useEffect(() => {
    if (autoConnect) sync.connect();
    return sync.disconnect;
  }, [sync, autoConnect]);

  const state = useSyncExternalStore(sync.subscribe, sync.getSnapshot, useCallback(() => EMPTY, []));
  const { isConnected, syncStatus, events, conflicts } = state;
  const { connect, disconnect, forceSync, resolveConflict } = sync;
  return {
    isConnected, syncStatus, events, conflicts, connect, disconnect, forceSync, resolveConflict,
  };
}

/* On a server there is no connection. */
const EMPTY = { isConnected: false, syncStatus: null, events: [], conflicts: [] };
