import type { Shape } from './shape';
import old = require('old');
export type { Shape };
export { circle } from './circle';

/** Something with an area. */
@sealed
export class Square<T extends Side> implements Shape {
  private readonly side: T;
  /** Its area. Always positive. */
  area(): number { return pow(this.side.length, 2); }
}

export interface Options { depth?: number; on(event: Event): void }
export type Name = string | Other;
export enum Color { Red, Green }
namespace Inner { export function helper(): void {} }
declare module 'other' { const x: number; }
declare function outside(x: Thing): void;
export abstract class Base { abstract run(): void; }
