import Foundation

/// Keeps things.
public final class Keeper: Base {
    let name: String
    init(name: String) { self.name = name }

    /// Keeps one. Quickly.
    @discardableResult
    public func keep<T>(_ thing: T) -> Int {
        return store.save(thing)
    }
    class func make() -> Keeper { Keeper(name: "x") }
}
extension Keeper { }
