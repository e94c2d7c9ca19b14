export interface Session {
  id: number;
  started: Date;
  payload: string[];
}

export class SessionRecord implements Session {
  readonly started = new Date();
  readonly payload: string[];

  constructor(public readonly id: number) {
    this.payload = new Array(150).fill(`session ${id}`);
  }
}

export class SessionStore {
  private readonly sessionsById: Map<number, SessionRecord> = new Map();

  open(id: number): SessionRecord {
    const opened = new SessionRecord(id);
    this.sessionsById.set(id, opened);
    return opened;
  }
}
