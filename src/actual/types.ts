import type { Binding, SlotConfig } from '../haproxy/slots.js';
import type { Stamp } from '../haproxy/scope.js';
import type { JsonObject } from '../shared/json.js';

/** HAProxy's actual state, on disk and in the process. Deeply readonly plain data. */
export interface ActualState {
  readonly dataplane: { readonly url: string };
  readonly haproxy: {
    readonly version: string;
    readonly pid: number;
    /** `Maxsock` of `show info`: the file descriptors that it reserved. */
    readonly maxSockets?: number;
    /** `Ulimit-n`: the same, unless a setting says otherwise. */
    readonly openFiles?: number;
    /** `Maxconn`, set or chosen by HAProxy. */
    readonly maxConnections?: number;
  };
  /** `Configuration-Version` of `GET /configuration/raw`. */
  readonly configVersion: number;
  /** The file's text from `GET /configuration/raw`. */
  readonly raw: string;
  readonly backends: Readonly<Record<string, ActualBackend>>;
  readonly frontends: Readonly<Record<string, ActualFrontend>>;
  /** By name without `.map`: our maps, and those read by rules like ours. */
  readonly maps: Readonly<Record<string, ActualMap>>;
  /** Absolute path of the data plane's maps folder; known once a map exists. */
  readonly marker: Marker;
  /** By prefix. */
  readonly neighbours?: readonly Neighbour[];
  readonly global: GlobalFacts;
  /** Absent unless `haproxy.peers` is set. */
  readonly peers?: PeersFact;
  /** The defaults section for new backends. */
  readonly defaults?: string;
  /** Its `default-server`. */
  readonly inherited?: JsonObject;
}

/** The operator's `peers` section that the settings name. */
export interface PeersFact {
  readonly name: string;
  readonly exists: boolean;
}

/** Names of the generation marker's server, see diff/marker.ts. */
export interface Marker {
  readonly onDisk?: string;
  readonly loaded?: string;
  /** Nomad's index when HAProxy was last written, from the metadata of that server. */
  readonly nomadIndex?: number;
  /** Of the leader that wrote it; absent without a lock. */
  readonly term?: number;
  /** Who wrote it; absent where an earlier version did. */
  readonly stamp?: Stamp;
}

/** Another connector, with a prefix of its own. */
export interface Neighbour {
  readonly prefix: string;
  readonly stamp?: Stamp;
  /** Something of its is there, beside its marker. */
  readonly serves: boolean;
}

export interface ActualBackend {
  readonly name: string;
  /** Marked as ours: the whole section may be edited. */
  readonly ours: boolean;
  /** `namespace/service`, from the metadata of the section or of its servers. */
  readonly service?: string;
  /** Canonical `full_section` JSON without name, metadata and servers. Empty unless ours. */
  readonly section: JsonObject;
  readonly mode: string;
  /** Our marked servers, ordered by the number in their names. */
  readonly slots: readonly ActualSlot[];
  /** Servers of another connector's, or of a namespace that is not in our settings: never ours. */
  readonly foreign?: readonly ActualSlot[];
  /** The service of such a backend. */
  readonly foreignService?: string;
  /** Services under our prefix, here, whose namespace is not in our settings. */
  readonly outOfScope?: readonly string[];
  /** Its other servers. */
  readonly others?: readonly OtherServer[];
  /** `option redispatch`: a request that can't connect to its server tries another. */
  readonly redispatches?: true;
  /** `load-server-state-from-file global`. */
  readonly loadsServerState?: true;
  /** Its own, or that of its defaults section; absent: a connection is enough. */
  readonly checkMethod?: string;
  readonly hasDefaultServer: boolean;
  /** `default-server` of its defaults section. */
  readonly inherited?: JsonObject;
  /** Its own `default-server`. */
  readonly serverDefaults?: JsonObject;
}

/** A server that isn't ours. */
export interface OtherServer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** If it says one. */
  readonly weight?: number;
  readonly runtime?: RuntimeServer;
}

export interface ActualSlot {
  readonly name: string;
  readonly service: string;
  readonly binding?: Binding;
  /** True for our server in an operator's backend. */
  readonly shared?: true;
  readonly config: SlotConfig;
  /** The server's other fields in the configuration, canonical. */
  readonly fields: JsonObject;
  /** Absent if HAProxy has not loaded this server. */
  readonly runtime?: RuntimeServer;
}

export interface RuntimeServer {
  readonly address: string;
  readonly port: number;
  readonly admin: 'ready' | 'drain' | 'maint';
  readonly operational: 'up' | 'down' | 'stopping';
}

export interface ActualFrontend {
  readonly name: string;
  readonly mode: string;
  readonly acls: readonly JsonObject[];
  readonly rules: readonly JsonObject[];
  readonly httpRequestRules: readonly JsonObject[];
  readonly idleCloseOnResponse: boolean;
}

export interface ActualMap {
  /** Absolute path as used in HAProxy's configuration. */
  readonly file: string;
  /** Entries in the process; undefined if HAProxy has not loaded the map. */
  readonly entries?: Readonly<Record<string, string>>;
  /** Entries in the file as last read. HAProxy's next start loads these. */
  readonly stored?: Readonly<Record<string, string>>;
}

export interface GlobalFacts {
  /** Name of `server-state-file` within the data plane's general storage; undefined when unset. */
  readonly serverStateFile?: string;
  /** Its content at the last full read of the configuration. */
  readonly serverState?: string;
  readonly hardStopAfter: boolean;
  /** `maxconn`; undefined: HAProxy chooses it. */
  readonly maxConnections?: number;
  /** `fd-hard-limit`. */
  readonly fdHardLimit?: number;
}
