//! Small projects of many kinds.

pub(crate) type Files = &'static [(&'static str, &'static str)];

pub(crate) const FLASK: Files = &[
    ("README.md", "# Teahouse\n\n[![Build](x)](y)\n\nTeahouse is a small web shop for tea. It has more.\n"),
    ("requirements.txt", "flask>=3\nsqlalchemy\n# no\n"),
    (
        "app.py",
        "\"\"\"Starts the shop.\"\"\"\nfrom flask import Flask\nfrom shop.views import bp\nfrom shop import models\n\napp = Flask(__name__)\n\n\n@app.route(\"/\")\ndef index():\n    return \"tea\"\n\n\nif __name__ == \"__main__\":\n    app.run()\n",
    ),
    ("shop/__init__.py", "\"\"\"The shop itself.\"\"\"\n"),
    ("shop/models.py", "class Tea: pass\n"),
    (
        "shop/views/__init__.py",
        "\"\"\"Pages.\"\"\"\nfrom flask import Blueprint\nfrom ..models import Tea\n\nbp = Blueprint(\"shop\", __name__, url_prefix=\"/shop\")\n\n\n@bp.route(\"/teas\", methods=[\"GET\", \"POST\"])\ndef teas():\n    return []\n\n\n@bp.route('/teas/<int:id>')\ndef tea(id):\n    return {}\n",
    ),
    ("templates/base.html", "<nav></nav>\n"),
    ("tests/test_app.py", "from app import app\n\ndef test_index():\n    assert app\n"),
    ("Dockerfile", "FROM python:3.12-slim AS build\nFROM build\nCMD [\"flask\", \"run\"]\n"),
];

pub(crate) const FASTAPI_REACT: Files = &[
    ("README.md", "# Board\n\nBoard is a shared to-do list.\n"),
    ("docker-compose.yml", "services:\n  api:\n    build: backend\n  web:\n    build: frontend\nvolumes:\n  data:\n"),
    (
        "backend/pyproject.toml",
        "[project]\nname = \"board-api\"\ndescription = \"The interface of Board.\"\nrequires-python = \">=3.11\"\ndependencies = [\"fastapi\", \"sqlmodel>=0.1\"]\n[project.scripts]\nboard = \"board.main:run\"\n[dependency-groups]\ndev = [\"pytest\"]\n[tool.ruff]\nline-length = 100\n",
    ),
    ("backend/board/__init__.py", ""),
    (
        "backend/board/main.py",
        "from fastapi import FastAPI\nfrom board.routers import items\nimport uvicorn\n\napp = FastAPI()\napp.include_router(items.router)\n\n\n@app.get(\"/health\")\ndef health():\n    return {}\n\n\ndef run():\n    uvicorn.run(app)\n",
    ),
    ("backend/board/routers/__init__.py", ""),
    (
        "backend/board/routers/items.py",
        "from fastapi import APIRouter\n\nrouter = APIRouter(\n    prefix=\"/items\",\n)\n\n\n@router.get(\"/\")\ndef all(): ...\n\n\n@router.delete(\n    \"/{id}\",\n    status_code=204,\n)\ndef remove(id: int): ...\n",
    ),
    ("backend/tests/test_items.py", "def test_x(): pass\n"),
    (
        "frontend/package.json",
        "{\"name\": \"board-web\", \"description\": \"The pages of Board.\", \"type\": \"module\", \"scripts\": {\"dev\": \"vite\", \"build\": \"tsc && vite build\", \"test\": \"vitest run\"}, \"dependencies\": {\"react\": \"^19\"}, \"devDependencies\": {\"vite\": \"^7\", \"vitest\": \"^3\"}}",
    ),
    ("frontend/index.html", "<div id=root></div>\n"),
    ("frontend/src/main.tsx", "import { App } from './components/App';\nrender(<App />);\n"),
    ("frontend/src/components/App.tsx", "import { list } from '../api/client';\nexport const App = () => null;\n"),
    ("frontend/src/components/App.test.tsx", "test('x', () => {});\n"),
    ("frontend/src/api/client.ts", "export const list = () => fetch('/items/');\n"),
];

pub(crate) const EXPRESS: Files = &[
    (
        "package.json",
        "{\"name\": \"ledger\", \"description\": \"Keeps accounts.\", \"main\": \"dist/server.js\", \"scripts\": {\"start\": \"node dist/server.js\", \"build\": \"tsc -p .\", \"lint\": \"eslint .\", \"test\": \"jest\"}, \"engines\": {\"node\": \">=20\"}, \"dependencies\": {\"express\": \"^5\", \"@ledger/x\": \"workspace:*\"}, \"devDependencies\": {\"jest\": \"^30\"}}",
    ),
    (
        "tsconfig.json",
        "{\n  // where things are\n  \"compilerOptions\": { \"baseUrl\": \".\", \"paths\": { \"@/*\": [\"src/*\"], } },\n}\n",
    ),
    ("eslint.config.js", "export default [];\n"),
    (".prettierrc", "{}\n"),
    (
        "src/server.ts",
        "import express from 'express';\nimport { accounts } from '@/routes/accounts';\n\nconst app = express();\napp.use('/accounts', accounts);\napp.get('/health', (req, res) => res.send('ok'));\napp.listen(3000);\n",
    ),
    (
        "src/routes/accounts.ts",
        "import { Router } from 'express';\nimport { book } from '../services/book.js';\n\nexport const accounts = Router();\nconst router = accounts;\nrouter.post(\n  '/:id/entries',\n  async (req, res) => book(req),\n);\nrouter.route('/:id').get(show).delete(remove);\n",
    ),
    (
        "src/services/book.ts",
        "/** Books entries, twice each. */\nimport { open } from '@/db';\nexport const book = async (x: unknown) => open(x);\n",
    ),
    ("src/db/index.ts", "export const open = (x: unknown) => x;\n"),
    ("test/accounts.test.ts", "import request from 'supertest';\nit('x', () => request(app).get('/health'));\n"),
    (".github/workflows/ci.yml", "name: ci\n"),
    (".nvmrc", "22\n"),
];

pub(crate) const RUST: Files = &[
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"crates/*\"]\n[workspace.package]\nedition = \"2024\"\nrust-version = \"1.90\"\n[workspace.dependencies]\nserde = \"1\"\n",
    ),
    (".cargo/config.toml", "[alias]\nxtask = \"run -p xtask --\"\n"),
    ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.90.0\"\n"),
    ("rustfmt.toml", "max_width = 100\n"),
    ("LICENSE-MIT", "Permission is hereby granted, free of charge, to any person\n"),
    (
        "crates/tea-core/Cargo.toml",
        "[package]\nname = \"tea-core\"\nversion = \"0.1.0\"\n[dependencies]\nserde.workspace = true\n",
    ),
    (
        "crates/tea-core/src/lib.rs",
        "//! Kinds of tea and how they are steeped.\n//!\n//! More.\npub mod leaf;\n#[cfg(test)]\nmod tests;\n",
    ),
    ("crates/tea-core/src/leaf.rs", "pub struct Leaf;\n"),
    (
        "crates/tea-web/Cargo.toml",
        "[package]\nname = \"tea-web\"\nversion = \"0.1.0\"\ndescription = \"Serves tea.\"\n[dependencies]\ntea-core = { path = \"../tea-core\" }\naxum = \"0.8\"\n[dev-dependencies]\ninsta = \"1\"\n",
    ),
    (
        "crates/tea-web/src/lib.rs",
        "use axum::Router;\nuse tea_core::leaf::Leaf;\n\npub fn router() -> Router {\n    Router::new()\n        .route(\"/teas\", get(list).post(add))\n        .route(\n            \"/teas/{id}\",\n            delete(remove),\n        )\n        .nest(\"/admin\", admin())\n}\n",
    ),
    ("crates/tea-web/src/bin/serve.rs", "fn main() {\n    axum::serve(listener, tea_web::router());\n}\n"),
    ("crates/tea-web/tests/http.rs", "#[test]\nfn it_serves() {}\n"),
    ("crates/xtask/Cargo.toml", "[package]\nname = \"xtask\"\nversion = \"0.0.0\"\n"),
    ("crates/xtask/src/main.rs", "//! Chores.\nfn main() {}\n"),
];

pub(crate) const GO: Files = &[
    (
        "go.mod",
        "module example.org/brew\n\ngo 1.24\n\nrequire (\n\tgithub.com/gin-gonic/gin v1.10.0\n\tgolang.org/x/sys v0.1.0 // indirect\n)\n",
    ),
    (
        "cmd/brewd/main.go",
        "// Command brewd serves the brewery.\npackage main\n\nimport (\n\t\"net/http\"\n\n\t\"example.org/brew/internal/api\"\n\tstore \"example.org/brew/internal/store\"\n)\n\nfunc main() {\n\thttp.HandleFunc(\"GET /health\", ok)\n\thttp.ListenAndServe(\":80\", api.New(store.Open()))\n}\n",
    ),
    (
        "internal/api/api.go",
        "// Package api answers over HTTP.\npackage api\n\nimport \"example.org/brew/internal/store\"\n\nfunc New(s *store.Store) {\n\tr := gin.Default()\n\tv1 := r.Group(\"/v1\")\n\tv1.GET(\"/brews\", list)\n\tbrews := v1.Group(\"/brews\")\n\tbrews.POST(\"/:id\", add)\n}\n",
    ),
    ("internal/api/api_test.go", "package api\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n"),
    ("internal/store/store.go", "// Package store keeps brews.\npackage store\n\ntype Store struct{}\n"),
    (
        "Makefile",
        ".PHONY: build test\nVERSION := 1\nbuild: ## Builds the server\n\tgo build ./cmd/brewd\n\ntest: build\n\tgo test ./...\n%.pb.go: %.proto\n\tprotoc $<\n",
    ),
    (".golangci.yml", "linters: {}\n"),
];

pub(crate) const SPRING: Files = &[
    (
        "pom.xml",
        "<project>\n<parent><artifactId>spring-boot-starter-parent</artifactId></parent>\n<artifactId>clinic</artifactId>\n<description>Looks after pets.</description>\n<properties><java.version>21</java.version></properties>\n<dependencies>\n<dependency><groupId>o</groupId><artifactId>spring-boot-starter-web</artifactId></dependency>\n<dependency><artifactId>junit-jupiter</artifactId><scope>test</scope></dependency>\n</dependencies></project>\n",
    ),
    ("mvnw", "#!/bin/sh\n"),
    (
        "src/main/java/org/clinic/ClinicApplication.java",
        "package org.clinic;\n\n@SpringBootApplication\npublic class ClinicApplication {\n    public static void main(String[] args) {}\n}\n",
    ),
    (
        "src/main/java/org/clinic/web/PetController.java",
        "package org.clinic.web;\n\nimport org.clinic.data.Pets;\n\n@RestController\n@RequestMapping(\"/pets\")\npublic class PetController {\n    @GetMapping\n    public List<Pet> all() {}\n\n    @GetMapping(\"/{id}\")\n    Pet one(@PathVariable int id) {}\n\n    @RequestMapping(value = \"/{id}\", method = RequestMethod.DELETE)\n    @ResponseStatus(NO_CONTENT)\n    void remove() {}\n}\n",
    ),
    (
        "src/main/java/org/clinic/web/Vets.java",
        "package org.clinic.web;\n\n@Path(\"vets\")\npublic class Vets {\n    @GET\n    @Path(\"{id}\")\n    public Vet one() {}\n}\n",
    ),
    ("src/main/java/org/clinic/data/Pets.java", "package org.clinic.data;\n\npublic interface Pets {}\n"),
    (
        "src/main/java/org/clinic/data/package-info.java",
        "/**\n * What is kept of pets.\n */\npackage org.clinic.data;\n",
    ),
    ("src/test/java/org/clinic/web/PetControllerTests.java", "package org.clinic.web;\nclass PetControllerTests {}\n"),
];

pub(crate) const RAILS: Files = &[
    (
        "Gemfile",
        "source \"https://rubygems.org\"\nruby \"3.3.0\"\ngem \"rails\", \"~> 8\"\ngroup :development, :test do\n  gem \"rspec-rails\"\nend\n",
    ),
    ("config.ru", "run Rails.application\n"),
    ("bin/rails", "#!/usr/bin/env ruby\n"),
    ("Rakefile", "desc \"Fills the shop\"\ntask :fill => :environment do\nend\n"),
    (
        "config/routes.rb",
        "Rails.application.routes.draw do\n  root \"teas#index\"\n  resources :teas, only: [:index] do\n    resources :reviews\n    get :search, on: :collection\n  end\n  namespace :admin do\n    resource :profile\n    get \"stats\", to: \"stats#show\"\n  end\n  scope \"/v2\" do\n    post \"orders\" => \"orders#create\"\n  end\n  mount Sidekiq::Web => \"/jobs\"\n  # get \"gone\"\nend\n",
    ),
    ("app/models/tea.rb", "class Tea < ApplicationRecord\nend\n"),
    ("app/controllers/teas_controller.rb", "class TeasController < ApplicationController\n  def index; end\nend\n"),
    ("lib/brew.rb", "require \"brew/kettle\"\nmodule Brew\nend\n"),
    ("lib/brew/kettle.rb", "require_relative \"../brew\"\nmodule Brew\n  class Kettle; end\nend\n"),
    ("spec/models/tea_spec.rb", "RSpec.describe Tea do\nend\n"),
    (".rubocop.yml", "AllCops: {}\n"),
];

pub(crate) const LARAVEL: Files = &[
    (
        "composer.json",
        "{\"name\": \"tea/shop\", \"description\": \"A shop.\", \"require\": {\"php\": \"^8.3\", \"ext-json\": \"*\", \"laravel/framework\": \"^12\"}, \"require-dev\": {\"phpunit/phpunit\": \"^11\"}, \"scripts\": {\"lint\": [\"pint\", \"x\"], \"post-install-cmd\": \"y\"}}",
    ),
    ("artisan", "#!/usr/bin/env php\n<?php\n"),
    ("public/index.php", "<?php\nrequire __DIR__.'/../bootstrap/app.php';\n"),
    ("bootstrap/app.php", "<?php\nreturn 1;\n"),
    (
        "routes/web.php",
        "<?php\n\nuse App\\Http\\Controllers\\TeaController;\n\nRoute::get('/', fn () => view('home'));\nRoute::prefix('admin')->group(function () {\n    Route::get('teas', [TeaController::class, 'index']);\n    Route::middleware('auth')->prefix('x')->group(function () {\n        Route::post('/y', Z::class);\n    });\n});\nRoute::resource('orders', OrderController::class);\n",
    ),
    (
        "app/Http/Controllers/TeaController.php",
        "<?php\n\nnamespace App\\Http\\Controllers;\n\nuse App\\Models\\Tea;\n\nclass TeaController\n{\n}\n",
    ),
    ("app/Models/Tea.php", "<?php\n\nnamespace App\\Models;\n\nclass Tea {}\n"),
    ("tests/Feature/TeaTest.php", "<?php\nclass TeaTest {}\n"),
    ("pint.json", "{}\n"),
];

pub(crate) const ASPNET: Files = &[
    ("Shop.sln", "\n"),
    (
        "src/Shop.Api/Shop.Api.csproj",
        "<Project Sdk=\"Microsoft.NET.Sdk.Web\">\n<PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup>\n<ItemGroup><PackageReference Include=\"Serilog\" Version=\"4\" /><ProjectReference Include=\"..\\Shop.Core\\Shop.Core.csproj\" /></ItemGroup></Project>\n",
    ),
    (
        "src/Shop.Api/Program.cs",
        "var builder = WebApplication.CreateBuilder(args);\nvar app = builder.Build();\napp.MapGet(\"/health\", () => \"ok\");\nvar teas = app.MapGroup(\"/teas\");\nteas.MapPost(\"/\", (Tea tea) => tea);\napp.Run();\n",
    ),
    (
        "src/Shop.Api/Controllers/OrdersController.cs",
        "using Shop.Core;\n\nnamespace Shop.Api.Controllers;\n\n[ApiController]\n[Route(\"api/[controller]\")]\npublic class OrdersController : ControllerBase\n{\n    [HttpGet]\n    public IEnumerable<Order> All() => [];\n\n    [HttpGet(\"{id:int}\")]\n    public Order One(int id) => null;\n\n    [HttpPost, Authorize]\n    public Order Add([FromBody] Order order) => order;\n}\n",
    ),
    (
        "src/Shop.Core/Shop.Core.csproj",
        "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><Description>What the shop sells.</Description></PropertyGroup></Project>\n",
    ),
    ("src/Shop.Core/Order.cs", "namespace Shop.Core;\n\npublic record Order(int Id);\n"),
    ("test/Shop.Tests/OrderTests.cs", "namespace Shop.Tests;\npublic class OrderTests {}\n"),
    (".editorconfig", "root = true\n[*]\nindent_style = space\nindent_size = 4\n[*.md]\nindent_size = 2\n"),
];

pub(crate) const C_MAKE: Files = &[
    ("README", "no suffix\n"),
    ("README.md", "Kettle\n======\n\nKettle boils water.\n"),
    (
        "Makefile",
        "CC = cc\nall: kettle\n\nkettle: src/main.o\n\t$(CC) -o $@ $^\n\ncheck: kettle\n\t@./tests/run.sh\n\nclean:\n\trm -f kettle\n",
    ),
    (
        "src/main.c",
        "/* main.c - where it starts */\n#include <stdio.h>\n#include \"heat/heat.h\"\n\nint main(void)\n{\n    return heat();\n}\n",
    ),
    (
        "src/heat/heat.c",
        "#include \"heat.h\"\n#include \"../../lib/list.h\"\n#ifdef TEST\nint main(void) { return 0; }\n#endif\nint heat(void) { return 1; }\n",
    ),
    ("src/heat/heat.h", "int heat(void);\n"),
    ("lib/list.h", "struct list;\n"),
    ("lib/list.c", "#include \"list.h\"\n"),
    ("tests/run.sh", "#!/bin/sh\n./kettle\n"),
    (".clang-format", "\n"),
];

/// Files with routes of frameworks that no project above has.
pub(crate) const ROUTES: Files = &[
    (
        "shop/urls.py",
        "from django.urls import path, re_path\n\nurlpatterns = [\n    path(\"\", views.home),\n    path('teas/<int:id>/', views.tea),\n    re_path(r'^old/$', views.old),\n]\n",
    ),
    ("star.py", "routes = [\n    Route(\"/home\", home, methods=[\"POST\"]),\n    Mount(\"/static\", app=files),\n]\n"),
    ("fast.ts", "fastify.get('/a', async () => 1);\nhono.post('/b', (c) => c);\nr.get('/c', (ctx) => ctx);\n"),
    (
        "cats.controller.ts",
        "@Controller('cats')\nexport class CatsController {\n  @Get()\n  all() {}\n\n  @Post(':id/feed')\n  feed() {}\n}\n",
    ),
    ("app/shop/[id]/page.tsx", "export default function Page() {}\n"),
    ("app/(site)/api/teas/route.ts", "export async function GET() {}\n"),
    ("pages/api/teas.ts", "export default () => {};\n"),
    ("src/pages/index.tsx", "export default () => null;\n"),
    ("src/routes/blog/[slug]/+page.svelte", "<h1>x</h1>\n"),
    (
        "actix.rs",
        "#[get(\"/teas/{id}\")]\nasync fn tea() {}\n\n#[route(\"/x\", method=\"GET\", method=\"HEAD\")]\nasync fn x() {}\n\nfn config(c: &mut ServiceConfig) {\n    c.service(web::scope(\"/api\").service(web::resource(\"/y\").to(y)));\n}\n",
    ),
    (
        "chi.go",
        "package web\n\nfunc New() {\n\tr.Get(\"/a\", a)\n\te.POST(\"/b\", b)\n\tmux.Handle(\"/c\", c)\n\trouter.HandleFunc(\"/d\", d).Methods(\"PUT\", \"PATCH\")\n}\n",
    ),
    ("sinatra.rb", "require 'sinatra'\n\nget '/hello' do\n  'x'\nend\npost('/y') { |x| x }\n"),
    (
        "Controller.php",
        "<?php\n\n#[Route('/blog')]\nclass BlogController\n{\n    #[Route('/{slug}', name: 'show', methods: ['GET', 'HEAD'])]\n    public function show() {}\n}\n",
    ),
    ("slim.php", "<?php\n$app->get('/teas', function () {});\n"),
    ("Api.kt", "@RestController\n@RequestMapping(\"/k\")\nclass Api {\n    @PostMapping(\"/x\")\n    fun x() {}\n}\n"),
];
