package com.example.app

import com.example.Store
import kotlin.math.*

// Keeps things. For long.
@Entity
data class Keeper(val name: String, private val store: Store) : Base() {
    companion object {
        const val LIMIT = 3
    }

    /**
     * Keeps one.
     */
    override suspend fun keep(thing: Thing): Int {
        fun local() {}
        return store.save(thing, "not a name $thing")
    }

    fun <T> String.twice(): String = this + this
}

sealed interface Kind
val LIMIT = 3
fun main() = run { start() }
