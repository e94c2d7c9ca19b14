import { EventEmitter } from "node:events";

export const notifications = new EventEmitter();
notifications.setMaxListeners(0);

export function subscribe(userId: number): void {
  const remembered: number[] = new Array(150).fill(userId);
  notifications.on("message", function deliverMessage(text: string) {
    if (text.length > remembered.length) remembered.push(text.length);
  });
}
