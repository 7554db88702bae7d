// Copyright (c) Somebody
using System;
using static System.Math;
using Old = Some.Other;

namespace Example.App
{
    /// <summary>
    /// Keeps things, see <see cref="Thing"/>. For long.
    /// </summary>
    /// <param name="x">Not this.</param>
    [Serializable]
    public sealed class Keeper<T> : Base, IKeep where T : Thing
    {
        /// <summary>How many.</summary>
        private const int Limit = 3, Other = 4;
        public string Name { get; set; }
        public event EventHandler Changed;

        public Keeper(string name) { Name = name; }

        /// <summary>Keeps one.</summary>
        public async Task<int> Keep(Thing thing) => await _store.Save(thing, x => x.Id);

        private interface IInner { void Run(); }
        public enum Kind { A, B }
    }

    public record Point(int X, int Y);
    public delegate void Handler(object sender);
}
