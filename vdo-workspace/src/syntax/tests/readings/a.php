<?php
/*
 * This file is part of something.
 */

namespace App\Http;

use App\Models\User;
use App\Models\{Post, Tag as Label};
use function App\helper;

require_once __DIR__ . '/boot.php';

const LIMIT = 3;

/**
 * Answers requests. Quickly.
 *
 * @author Somebody
 */
#[Final]
final class Controller extends Base implements Answers
{
    use Loads;

    public const KIND = 'a';
    private ?User $user = null;

    /**
     * Shows one.
     */
    public function show(int $id, Request $request): Response
    {
        $user = User::find($id);
        return render('show', $user->name, helper($request));
    }
}

interface Answers { public function show(int $id); }
trait Loads { }
enum Suit: string { case Hearts = 'h'; }

function route(string $path): void {}
