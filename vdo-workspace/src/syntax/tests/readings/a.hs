{- | Trees. -}
module Data.Tree (Tree, depth) where

import qualified Data.Map as Map

-- | A tree.
data Tree a = Leaf | Node a

class Show a => Pretty a where
  pretty :: a -> String

-- How deep it is.
depth :: Tree a -> Int
depth Leaf = 0
depth' x = Map.size x
