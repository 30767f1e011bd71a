/* On a phone the pages' names are a row to push along: the one that is open is in sight. */
document.querySelector("header nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
