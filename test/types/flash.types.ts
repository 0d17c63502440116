import type { FlashMessages } from 'nestjs-keycard';

/** A message has a type: `add('Saved')` is a mistake that TypeScript shows (#16.3). */
export async function flashes(flash: FlashMessages): Promise<string[]> {
  await flash.add('notice', 'Saved.');
  await flash.add('notice', 'Saved.', 'Sent.');
  // @ts-expect-error without a message
  await flash.add('Saved.');
  // @ts-expect-error no text
  await flash.add('notice', { text: 'Saved.' });
  // @ts-expect-error without a type
  await flash.take();
  return flash.take('notice');
}
