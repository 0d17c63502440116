import { EventEmitter } from 'node:events';
import type { SessionBus } from 'nestjs-keycard';

/** A bus of the app's own, within this process. */
export class OwnBus extends EventEmitter implements SessionBus {
  async publish(text: string): Promise<void> {
    this.emit('text', text);
  }
  async subscribe(hear: (text: string) => void): Promise<() => Promise<void>> {
    this.on('text', hear);
    return async () => void this.off('text', hear);
  }
}
