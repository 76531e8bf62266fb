//! Frameworks, by the dependencies that bring them.

use super::Dependency;

/// Dependencies by which a framework is known; one that ends with `*` is a beginning.
const FRAMEWORKS: &[(&str, &str)] = &[
    ("@angular/core", "Angular"),
    ("@nestjs/core", "NestJS"),
    ("@playwright/test", "Playwright"),
    ("@sveltejs/kit", "SvelteKit"),
    ("actix-web", "Actix Web"),
    ("astro", "Astro"),
    ("axum", "axum"),
    ("bevy", "Bevy"),
    ("celery", "Celery"),
    ("clap", "clap"),
    ("click", "Click"),
    ("cypress", "Cypress"),
    ("diesel", "Diesel"),
    ("django", "Django"),
    ("electron", "Electron"),
    ("express", "Express"),
    ("fastapi", "FastAPI"),
    ("fastify", "Fastify"),
    ("flask", "Flask"),
    ("github.com/gin-gonic/gin", "Gin"),
    ("github.com/go-chi/chi*", "chi"),
    ("github.com/gofiber/fiber*", "Fiber"),
    ("github.com/labstack/echo*", "Echo"),
    ("github.com/spf13/cobra", "Cobra"),
    ("github.com/stretchr/testify", "Testify"),
    ("io.micronaut*", "Micronaut"),
    ("io.quarkus*", "Quarkus"),
    ("jest", "Jest"),
    ("junit", "JUnit"),
    ("junit-jupiter*", "JUnit"),
    ("laravel/framework", "Laravel"),
    ("mocha", "Mocha"),
    ("next", "Next.js"),
    ("nuxt", "Nuxt"),
    ("phpunit/phpunit", "PHPUnit"),
    ("prisma", "Prisma"),
    ("pytest", "pytest"),
    ("rails", "Rails"),
    ("react", "React"),
    ("rocket", "Rocket"),
    ("rspec", "RSpec"),
    ("sinatra", "Sinatra"),
    ("spring-boot*", "Spring Boot"),
    ("sqlalchemy", "SQLAlchemy"),
    ("sqlx", "SQLx"),
    ("svelte", "Svelte"),
    ("symfony/framework-bundle", "Symfony"),
    ("tauri", "Tauri"),
    ("tokio", "Tokio"),
    ("vite", "Vite"),
    ("vitest", "Vitest"),
    ("vue", "Vue"),
];

/// The frameworks that these dependencies tell of, by name.
pub(super) fn of(dependencies: &[Dependency]) -> Vec<String> {
    let is_named = |known: &str| {
        dependencies.iter().any(|dependency| match known.strip_suffix('*') {
            Some(start) => dependency.name.starts_with(start),
            None => dependency.name.eq_ignore_ascii_case(known),
        })
    };
    let found = FRAMEWORKS.iter().filter(|(known, _)| is_named(known));
    let mut names: Vec<String> = found.map(|(_, name)| (*name).to_owned()).collect();
    names.sort();
    names.dedup();
    names
}
