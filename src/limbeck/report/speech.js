// Where in an utterance its sound is; a click on a picture goes there.
for (const sound of document.querySelectorAll(".utterance audio")) {
  const timeline = sound.parentElement.querySelector(".timeline");
  const tracks = [...timeline.querySelectorAll(".spans:not(.ruler), .strip")];
  const heads = tracks.map((track) => track.appendChild(made("i", "", { class: "now" })));
  const follow = () => {
    const share = sound.duration ? sound.currentTime / sound.duration : 0;
    for (const head of heads) {
      head.style.left = `${100 * share}%`;
      head.hidden = share === 0;
    }
    if (!sound.paused) requestAnimationFrame(follow);
  };
  for (const event of ["play", "pause", "seeked", "ended"]) sound.addEventListener(event, follow);
  for (const track of tracks) {
    track.addEventListener("click", (event) => {
      const { left, width } = track.getBoundingClientRect();
      const go = () => (sound.currentTime = ((event.clientX - left) / width) * sound.duration);
      if (sound.readyState) go();
      else {
        sound.addEventListener("loadedmetadata", go, { once: true });
        sound.load();
      }
    });
  }
  follow();
}
