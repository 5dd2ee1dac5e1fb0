//! More like this review, and products for one user: `cargo run --release --example recommendations`.

use std::path::Path;

use embedlab::chart::{Groups, Scatter, Style};
use embedlab::recommend::{NeighborOptions, Query, Ratings, neighbors, profiles, recommend};
use embedlab::rows::Pca;
use embedlab::{Error, Result, table};

fn main() -> Result<()> {
    draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("output"))
}

/// Draws into a folder: `recommendations.png`.
pub fn draw(output: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reviews = table::read(&root.join("examples/data/food_reviews.parquet"), &Default::default())?;
    let (texts, names) = (reviews.text("combined")?, reviews.text("Product")?);
    let text = |row: usize| texts[row].as_deref().unwrap_or_default().chars().take(90).collect::<String>();

    for (like, unlike) in [(vec![0], vec![]), (vec![0], vec![3])] {
        println!("like:   {}", text(like[0]));
        unlike.iter().for_each(|row| println!("unlike: {}", text(*row)));
        let query = Query::Rows { like: &like, unlike: &unlike };
        let options = NeighborOptions { k: 3, ..Default::default() };
        for hit in neighbors(reviews.vectors(), &query, Some(&texts), &options)?.neighbors {
            println!("  {:.3} {}", 1.0 - hit.distance, text(hit.row));
        }
    }

    let (users, products) = (reviews.labels("UserId")?, reviews.labels("ProductId")?);
    let stars = reviews.numbers("Score")?;
    let ratings = Ratings { users: &users, items: &products, ratings: &stars };
    let reviews_of = |user: u32| users.codes.iter().filter(|code| **code == Some(user)).count();
    let user = (0..users.names.len() as u32).max_by_key(|user| reviews_of(*user));
    let user = user.ok_or_else(|| Error::input("no user"))?;
    let found = recommend(reviews.vectors(), &ratings, Some(&texts), user, &Default::default())?;
    let code = |id: &str| products.names.iter().position(|name| name == id);
    let name = |id: &str| {
        let row = products.codes.iter().position(|of| of.map(|of| of as usize) == code(id));
        row.and_then(|row| names[row].clone()).unwrap_or_default()
    };
    println!("\nfor {}, who rated {} products:", found.user, found.rated);
    for item in &found.items {
        let stars = item.mean_rating.unwrap_or_default();
        println!("  {:.3} {} ({stars:.1} stars of {} reviews)", item.similarity, name(&item.item), item.n);
    }

    // All products on a map, by the mean vectors of their reviews.
    let means =
        profiles(&reviews.vectors(), &products.codes, products.names.len(), &Default::default())?.vectors;
    let points = Pca::fit(&means, 2)?.transform(&means)?;
    let mut of = vec![0; products.names.len()];
    for (user_code, product) in users.codes.iter().zip(&products.codes) {
        if let (true, Some(product)) = (*user_code == Some(user), product) {
            of[*product as usize] = 1;
        }
    }
    found.items.iter().filter_map(|item| code(&item.item)).for_each(|product| of[product] = 2);
    let groups = Groups::new(&of, ["other products", "rated by the user", "recommended"])?;
    let style =
        Style::new("What one user rated, and what is near").subtitle("mean vectors of 100 products, PCA");
    Scatter::new(points.view()).groups(groups).draw(&style)?.save(output.join("recommendations.png"))?;
    println!("drew recommendations.png in {}", output.display());
    Ok(())
}
