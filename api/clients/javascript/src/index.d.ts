/** What happened to one item: the seven names of `queueEvent`, and what is known besides. */
export interface LiveEvent {
  id: string;
  type: string;
  action: string;
  /** New agreed values (kind `changed`), or the fields that arrived. */
  data: Record<string, unknown>;
  source: string;
  /** RFC 3339, UTC. */
  timestamp: string;
  organizationId: string;
  entityId: string;
  kind:
    | "changed" | "sent" | "arrived" | "refused" | "conflict" | "resolved" | "deleted"
    | "failed" | "effect" | "relinked" | "unlinked";
  /** Its place in the feed, opaque. */
  cursor: string;
  /** What a person calls the item. */
  label: string;
  replica: string;
  previous: Record<string, unknown>;
  version: number;
  latencyMs: number | null;
  reason: string;
  cause: string;
}

/** What people usually decided here. */
export interface LiveSuggestion {
  resolution: string;
  /** For `keep`. */
  side: string;
  confidence: number;
  accuracy: number | null;
  basedOn: number;
  reason: string;
}

/** Two sides, one field. */
export interface LiveConflict {
  id: string;
  type: string;
  entityId: string;
  field: string;
  label: string;
  status: "open" | "resolved";
  policy: string;
  /** Platform to value; `agreed` is the value that stands. */
  candidates: Record<string, unknown>;
  /** Platform to the time of its change. */
  changedAt: Record<string, string>;
  openedAt: string;
  updatedAt: string;
  version: number;
  base: unknown;
  brake: "" | "stock" | "price" | "deletes";
  automatic: boolean;
  policyVersion: number;
  resolution: string;
  resolutionId: string;
  value: unknown;
  previous: unknown;
  by: string;
  /** Who decided what, as a sentence; empty while it is open. */
  decided: string;
  suggestion: LiveSuggestion | null;
}

export interface ReplicaStatus {
  replica: string;
  platform: string;
  active: boolean;
  lastSync: string | null;
}

/** How the sync stands. */
export interface SyncStatus {
  state: "synced" | "syncing" | "conflict" | "waiting" | "unknown" | "away";
  sentence: string;
  lastSync: string | null;
  /** Writes owed to platforms, and records not yet read. */
  pendingEvents: number;
  owed: number;
  inFlight: number;
  queued: number;
  oldestPendingS: number;
  openConflicts: number;
  activeConnections: number;
  replicas: ReplicaStatus[];
  /** Servers that do not answer: mongodb, kafka, redis. Figures are those of before. */
  away: string[];
  timestamp: string;
}

/** A forced sync; `GET /api/sync/force/{id}` tells how far it is. */
export interface ForceJob {
  id: string;
  total: number;
  [name: string]: unknown;
}

export type Resolution = "local" | "remote" | "merge" | "newest" | "keep" | "manual";
export type EntityType =
  "product" | "variation" | "inventory" | "order" | "customer" | "message";

/** Empty lists mean everything. */
export interface Filter {
  types?: string[];
  entities?: string[];
  sources?: string[];
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  help?: string;
  [name: string]: unknown;
}

/** `problem` is the server's own (RFC 9457) where it sent one. */
export class RealTimeSyncError extends Error {
  problem: Problem | null;
}

export interface Answer {
  requestId: string;
  type: string;
  [name: string]: unknown;
}

export interface RealTimeSyncOptions {
  /** "https://shop.example", "wss://shop.example:3001"; left out: where the page comes from. */
  url?: string;
  /** If it is given and the session is of another organisation, nothing is connected. */
  organizationId?: string;
  /** Default true. */
  autoConnect?: boolean;
  /** Asks your own server for a ticket (`POST /api/ws/ticket`): the way for pages elsewhere. */
  getTicket?: () => string | Promise<string>;
  /** For programs. Never in a page: whoever opens it could read it. */
  apiKey?: string | (() => string | undefined | Promise<string | undefined>);
  filter?: Filter;
  /** Go on from here: the `cursor` of a former connection. */
  cursor?: string;
  /** How many events are kept; default 200. */
  mostEvents?: number;
}

/** Never changed once it was given out. */
export interface Snapshot {
  isConnected: boolean;
  syncStatus: SyncStatus | null;
  /** Newest first. */
  events: readonly LiveEvent[];
  /** Open ones. */
  conflicts: readonly LiveConflict[];
  /** When the connection was lost, in ms since 1970; null while there is one. */
  lostAt: number | null;
  /** Why there is no connection. */
  error: string;
}

export interface RealTimeSync extends Readonly<Snapshot> {
  /** Keep it to go on from here in another page or process. */
  readonly cursor: string;
  connect(): void;
  disconnect(): void;
  /** Read every platform again and send what is owed: everything, a type, or one item. */
  forceSync(entityType?: EntityType, entityId?: string): Promise<Answer & { job: ForceJob }>;
  /** `value` is for `manual`, `side` (a platform's name) for `keep`. `version` is the one the
   *  person saw (default: the one known here); if the values have changed since, it rejects. */
  resolveConflict(
    conflictId: string, resolution: Resolution, value?: unknown, version?: number, side?: string,
  ): Promise<Answer & { settled: boolean; conflict: LiveConflict }>;
  undoConflict(conflictId: string): Promise<Answer & { settled: boolean; conflict: LiveConflict }>;
  setFilter(filter: Filter): Promise<unknown>;
  getSnapshot(): Snapshot;
  /** Called after something changed, at most once a frame. Returns how to stop it. */
  subscribe(listener: (state: Snapshot) => void): () => void;
  /** The same as `subscribe`. */
  onChange(listener: (state: Snapshot) => void): () => void;
  /** Each event, once and in order. */
  onEvent(listener: (event: LiveEvent) => void): () => void;
  /** A conflict moved; null: many may have. */
  onConflict(listener: (conflict: LiveConflict | null) => void): () => void;
  /** Events between the cursor and now are no longer kept: load your data again. */
  onGap(listener: (help: string) => void): () => void;
}

export function createRealTimeSync(options?: RealTimeSyncOptions): RealTimeSync;
